"""Named crash points: the places where a kill hurts most, by name, so that tests can kill there.

`LEADLOOP_CRASH_AT=name` or `name:n` ends the process at once at the n-th passage, as a kill -9
would. Outside tests nothing sets it and a crash point costs one dictionary look-up.
"""

from __future__ import annotations

import os
from collections import Counter

CRASHPOINTS: tuple[str, ...] = (
    "after_land",
    "after_intents",
    "before_write",
    "after_write",
    "after_settle",
)
"""Every crash point there is; a test enumerates it and another that the code uses no other."""

VARIABLE = "LEADLOOP_CRASH_AT"
EXIT = 137
"""What a shell reports for a process killed by SIGKILL."""

_passed: Counter[str] = Counter()


def crashpoint(name: str) -> None:
    """End the process here if the environment asks for it."""
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return
    point, _, number = wanted.partition(":")
    if point != name:
        return
    _passed[name] += 1
    if _passed[name] >= int(number or 1):
        os._exit(EXIT)
