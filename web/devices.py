"""Devices: a short name for what somebody signs in with, when the client does not say."""

import re
from typing import Final

LONGEST_NAME: Final = 60

# The first that is named wins: browsers name each other's ancestors, and systems their kernels.
PROGRAMS: Final = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_PRODUCT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]*")


def device_name(user_agent: str) -> str | None:
    """`Chrome · Android` for a browser, the program's own name for others; None for nothing."""
    program, system = _first(PROGRAMS, user_agent), _first(SYSTEMS, user_agent)
    if not user_agent.startswith("Mozilla/"):
        product = _PRODUCT.match(user_agent)
        program = product[0].strip()[:LONGEST_NAME] if product else None
    return " · ".join(name for name in (program, system) if name) or None


def _first(names: tuple[tuple[str, str], ...], user_agent: str) -> str | None:
    return next((name for sign, name in names if sign in user_agent), None)
