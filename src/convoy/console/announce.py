"""Tells the operator, in the terminal, where the page is."""

from __future__ import annotations

import io

import qrcode  # type: ignore[import-untyped]

from convoy.console.certificate import addresses


def urls(host: str, port: int, secure: bool, token: str | None) -> list[str]:
    """Return the addresses of the page. The token is behind the #, which browsers never send: no log has it."""
    reached = [host] if host not in ("0.0.0.0", "::") else addresses() or ["localhost"]
    scheme, secret = ("https" if secure else "http"), (f"#token={token}" if token else "")
    return [f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}/{secret}" for name in reached]


def announcement(found: list[str], secure: bool, fingerprint: str) -> str:
    """Return what is printed: the addresses, and beyond loopback a QR code of the first for a phone."""
    lines = ["", "  The operator's page:", *(f"    {url}" for url in found)]
    if secure:
        lines += [f"  Its certificate, SHA-256: {fingerprint}", "  Scan this with a phone:", _qr(found[0])]
    return "\n".join([*lines, ""])


def _qr(text: str) -> str:
    code = qrcode.QRCode(border=2, error_correction=qrcode.constants.ERROR_CORRECT_L)
    code.add_data(text)
    drawn = io.StringIO()
    code.print_ascii(drawn, invert=True)
    return drawn.getvalue().rstrip()
