"""Formula fields, whose values change without moving their record's stamp (BEHAVIOURS, Cursors).

Somebody edits a formula, or the record it looks at, or a day passes: no record has changed, and no
query for changes tells. Where a mapped field of an object is calculated, all its records are
therefore read once a day behind an ordinary pull; those whose values are known already are left
out, since a record's revision holds a digest of its fields. The cursor says when that was last
done (`polled`), and where a reading that was cut short goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from connectors.base import iso, moment
from mappings.ports import Page
from mappings.records import Json

POLL_EVERY = timedelta(days=1)
"""BEHAVIOURS, Quota: formula fields nightly. What an object costs is a call for 2,000 records."""


def with_formulas(
    pages: Iterable[Page],
    since: Mapping[str, Json] | None,
    *,
    ended_at: Callable[[Mapping[str, Json]], datetime],
    has_formulas: Callable[[], bool],
    everything: Callable[[datetime], Iterable[Page]],
) -> Iterator[Page]:
    """The pages of a pull, followed by all that is not known yet where that is due.

    `ended_at` tells from a settled cursor when its reading began, `everything` reads all records as
    of then, `has_formulas` whether there is a reason to: it is asked once a day, may cost a call.
    """
    polled = moment(since, "polled")
    whole = since is None or since.get("at") is None
    for page in pages:
        if not page.last:
            yield _marked(page, polled)
            continue
        now = ended_at(page.cursor)
        if whole or polled is None:
            yield _marked(page, now)
        elif now - polled < POLL_EVERY:
            yield _marked(page, polled)
        elif not has_formulas():
            yield _marked(page, now)
        else:
            start: dict[str, Json] = {"at": None, "start": iso(now), "after": None}
            yield _marked(replace(page, cursor=start, last=False), polled)
            for more in everything(now):
                yield _marked(more, now if more.last else polled)
        return


def _marked(page: Page, polled: datetime | None) -> Page:
    if polled is None:
        return page
    return replace(page, cursor={**page.cursor, "polled": iso(polled)})
