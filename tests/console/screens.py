"""A real browser without a screen, and screenshots of what it shows, as wide as a laptop and as narrow as a phone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next((path for path in map(Path, ("/usr/bin/chromium", "/usr/bin/chromium-browser")) if path.exists()), None)
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
PATIENCE_MS = 120_000

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian's package chromium)")


def launch(playwright: Any) -> Any:
    """Start the browser."""
    return playwright.chromium.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    )


class Screen:
    """The operator's page in a browser. ``CONVOY_ARTEFACTS`` names the folder for the screenshots.

    Attributes:
        page: playwright's.
        faults: what the page's scripts have stumbled over.
    """

    def __init__(self, browser: Any, port: int, folder: Path, **options: Any) -> None:
        self.folder, self.number = Path(os.environ.get("CONVOY_ARTEFACTS", folder / "screens")), 0
        self.folder.mkdir(parents=True, exist_ok=True)
        self.page = browser.new_page(viewport=WIDE, **options)
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.set_default_timeout(PATIENCE_MS)
        self.address = f"http://127.0.0.1:{port}/"

    def open(self) -> None:
        """Go to the page, and wait until it is connected."""
        self.page.goto(self.address)
        self.page.wait_for_selector("body[data-link=up]")

    def tab(self, name: str) -> None:
        """Show a tab."""
        self.page.click(f"[data-tab={name}]")

    def mode(self, name: str) -> None:
        """Choose a mode, and wait until the robot has it; on a busy machine a request may be lost with the link."""
        for _ in range(10):
            self.page.click(f"[data-set-mode={name}]")
            try:
                self.page.wait_for_selector(f"body[data-mode={name}]", timeout=PATIENCE_MS / 10)
                return
            except Exception as error:
                if "Timeout" not in type(error).__name__:
                    raise
        raise AssertionError(f"the mode does not become {name}")

    def keep(self, name: str) -> None:
        """Keep a screenshot of both sizes, with the emergency stop on it."""
        self.number += 1
        for size, viewport in (("phone", PHONE), ("wide", WIDE)):
            self.page.set_viewport_size(viewport)
            self.page.wait_for_timeout(300)
            self.page.screenshot(path=self.folder / f"{self.number:02}-{name}-{size}.png")
            stop = self.page.locator("#stop").bounding_box()
            assert stop["y"] + stop["height"] <= viewport["height"], "the emergency stop is always on the screen"
            assert stop["x"] + stop["width"] <= viewport["width"]
