"""Folding over everybody without pausing to look for cycles all the time.

Audit and reports make millions of small objects that live for one page and hold no cycle; Python's
collector looks through all that is alive after every 700 of them, which takes a quarter of the
time. Here it looks so much more rarely that it does not show, and still often enough that memory
stays flat.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

ALLOCATIONS = 200_000
"""Objects made between two looks: about a page of people with all that hangs on them."""


@contextlib.contextmanager
def folding() -> Iterator[None]:
    """For the length of the block the collector looks rarely; afterwards as it did before."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], ALLOCATIONS) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
