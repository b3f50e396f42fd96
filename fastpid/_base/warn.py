"""Where a warning should point."""

from __future__ import annotations

import sys


def stacklevel_outside(*packages: str) -> int:
    """Return, for a warning of the caller's, the stacklevel of the first frame outside of them."""
    level, frame = 1, sys._getframe(1)
    while (
        frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in packages
    ):
        frame = frame.f_back
        level += 1
    return level
