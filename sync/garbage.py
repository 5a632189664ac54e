"""Python's look for garbage in cycles, taken less often where much is made and kept.

Plans, records, compared pairs and the rows of a report are made by the hundred thousand and hold
no cycles. By default Python goes through what is alive with every 700 that are made: of planning
everybody that is a third of the processor's time, of an audit a quarter.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

KEPT = 100_000
"""Things made between two looks for cycles: some ten MiB of records."""


@contextmanager
def few_collections(made: int = KEPT) -> Iterator[None]:
    """Look for cycles with every `made` things instead; never oftener than before, and not at all
    where that was the wish. It holds for the whole process: two threads that overlap may leave the
    larger number behind, which costs memory between two looks and nothing else."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], made) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
