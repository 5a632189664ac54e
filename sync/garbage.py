"""Python's look for garbage in cycles, taken less often where much is made and kept.

Plans, records and compared pairs are made by the hundred thousand and hold no cycles. By default
Python goes through them again with every 700 that are made: of planning everybody that is a third
of the processor's time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

KEPT = 100_000
"""Things made between two looks for cycles: some ten MiB of records."""


@contextmanager
def few_collections(made: int = KEPT) -> Iterator[None]:
    """Look for cycles with every `made` things instead. It holds for the whole process, so it is
    for commands, not for threads that come and go."""
    before = gc.get_threshold()
    gc.set_threshold(made, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
