"""The operator's page in Chromium, without a screen: keys are pressed, and what is drawn is looked at."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Self

from pages.robot import START_S, Vehicle
from playwright.sync_api import sync_playwright

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser")
LOOKS_S = 30.0
WATCH = """
window.keys = []; window.ages = [];
addEventListener("keydown", (event) => keys.push((performance.timeOrigin + event.timeStamp) / 1000), true);
addEventListener("DOMContentLoaded", () => {
  const drawn = CanvasRenderingContext2D.prototype.drawImage;
  window.pictures = 0;
  CanvasRenderingContext2D.prototype.drawImage = function (...given) {
    if (this.canvas.id === "picture") window.pictures += 1;
    return drawn.apply(this, given);
  };
  new MutationObserver(() => ages.push(parseFloat(document.getElementById("age").textContent)))
    .observe(document.getElementById("age"), {childList: true});
});
"""
"""When keys were pressed, in s since the epoch, and how old pictures were when they were drawn, as the page says it."""


class Browser:
    """A person at the keyboard."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}/"

    def __enter__(self) -> Self:
        path = next((path for path in CHROMIUM if Path(path).exists()), None)
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        self._page = self._browser.new_page(viewport={"width": 1280, "height": 800})
        self._page.set_default_timeout(START_S * 1e3)
        self._page.add_init_script(WATCH)
        self._page.goto(self._address)
        self._page.wait_for_selector("body[data-link=up][data-wheel=yes]")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._browser.close()
        self._playwright.stop()

    def set_off(self, vehicle: Vehicle) -> None:
        """Drive in manual mode, by the key W."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            self._page.click("[data-set-mode=manual]")
            time.sleep(0.5)
            begun = time.monotonic()
            self._page.keyboard.down("w")
            if vehicle.when(True, begun, 1.5):
                return
            self._page.keyboard.up("w")
            time.sleep(0.3)
        raise SystemExit("the vehicle does not move by the keyboard")

    def stop(self) -> float:
        """Press the space bar; returns when the browser had it, by this process's steady clock."""
        self._page.keyboard.press("Space")
        pressed = float(self._page.evaluate("keys.at(-1)"))
        self._page.keyboard.up("w")
        return pressed + time.monotonic() - time.time()

    def release(self) -> None:
        """Hold the button until the vehicle may drive again."""
        self._page.wait_for_selector("body[data-emergency=yes]")
        deadline = time.monotonic() + START_S
        while self._page.get_attribute("body", "data-emergency") == "yes" and time.monotonic() < deadline:
            self._page.locator("#release").click(delay=1200)
            time.sleep(0.5)

    def pictures(self) -> tuple[list[float], float]:
        """Look for a while; returns how old pictures were when they were drawn, in ms, and how many came a second."""
        self._page.evaluate("ages.length = pictures = 0")
        begun = time.monotonic()
        self._page.wait_for_timeout(LOOKS_S * 1e3)
        seconds = time.monotonic() - begun
        ages, drawn = self._page.evaluate("[ages.filter(Number.isFinite), pictures]")
        return ages, round(drawn / seconds, 1)
