"""Query locators: the rest of an answer that came in pages (`01g...-2000`, FACTS section 4)."""

from __future__ import annotations

import random
from collections import OrderedDict
from dataclasses import dataclass

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.ids import Minter
from sandbox.salesforce.soql.execute import Answer

DEFAULT_BATCH = 2000
"""Records a page, also the most (FACTS section 4)."""
MIN_BATCH = 200
_KEPT = 64
_SHORT_PAGE_RATE = 0.1


@dataclass(frozen=True)
class Page:
    """One page of an answer and, unless it is the last, where the next begins."""

    records: list[dict[str, object]]
    total: int
    next_locator: str | None


class Cursors:
    """Open answers by locator; the oldest is closed when there are too many."""

    def __init__(self, rng: random.Random) -> None:
        self._random = rng
        self._minter = Minter()
        self._open: OrderedDict[str, Answer] = OrderedDict()
        self.short_page_rate = _SHORT_PAGE_RATE
        """How often a page is shorter than asked: batchSize is a hint (FACTS section 4)."""

    def first(self, answer: Answer, batch: int) -> Page:
        """The first page of a fresh answer."""
        return self._page(answer, None, 0, batch)

    def resume(self, locator: str, batch: int) -> Page:
        """The page a locator points at; INVALID_QUERY_LOCATOR where it is none."""
        key, _, offset = locator.rpartition("-")
        answer = self._open.get(key)
        if answer is None or not offset.isdigit() or int(offset) >= answer.total:
            raise SalesforceError("INVALID_QUERY_LOCATOR", "invalid query locator")
        self._open.move_to_end(key)
        return self._page(answer, key, int(offset), batch)

    def _page(self, answer: Answer, key: str | None, start: int, batch: int) -> Page:
        stop = start + batch
        if stop < answer.total and self._random.random() < self.short_page_rate:
            stop = start + max(1, batch * self._random.randint(60, 95) // 100)
        records = answer.shown(start, stop)
        if stop >= answer.total:
            return Page(records, answer.total, None)
        if key is None:
            key = self._minter.mint("01g")
            self._open[key] = answer
            while len(self._open) > _KEPT:
                self._open.popitem(last=False)
        return Page(records, answer.total, f"{key}-{stop}")
