"""Calls for HubSpot's events: e-mail events, form definitions, form submissions.

What an event looks like and how a newest-first stream is read stands in `hubspot_events`; here is
which call brings the next page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from connectors.base import Clock
from connectors.hubspot_events import Batch, email_event, form_fill, to_ms
from connectors.hubspot_read import next_of
from connectors.hubspot_wire import SYSTEM, Paths, Wire, expect
from connectors.payloads import RowFaultError, object_of, rows_in, sift, unreadable
from mappings.errors import UnavailableError, UnreadableAnswerError
from mappings.ports import Page
from mappings.records import Event, EventKind, Malformed

SUBMISSIONS_PAGE = 50  # FACTS section 2
EVENTS_PAGE = 1000  # FACTS section 2
FURTHEST = 1000 * 60 * 60 * 24 * 800
"""How far back, in ms, e-mail events are looked for: longer than they are kept (25 months)."""
FORMS_PAGE = 50  # assumed: the default page is 20, and 50 is accepted


Following = Callable[[str], Batch]
"""Asks for the page at a place."""
SizedPage = Callable[[str | None, int, int], Batch]
"""Asks for the page at a place, of so many elements; its next one has so many."""


class Marketing:
    """Reads the events of one account. `unlisted` are form definitions that made no sense."""

    def __init__(self, wire: Wire, paths: Paths, clock: Clock) -> None:
        self._wire = wire
        self._paths = paths
        self._clock = clock
        self._forms: dict[str, str] | None = None
        self._campaigns: dict[str, str] = {}
        self.unlisted: tuple[Malformed, ...] = ()

    def email_events(self, oldest: datetime | None, newest: datetime | None) -> Batch:
        """The newest e-mail events between two instants."""
        low = to_ms(oldest) if oldest else None
        high = to_ms(newest) if newest else None

        def page(place: str | None, size: int, then: int) -> Batch:
            window = {"startTimestamp": low, "endTimestamp": high}
            following = {**window, "limit": size, "offset": place}
            found = self._email_page(following, lambda offset: batch(offset, then))
            reached.extend(to_ms(event.occurred_at) for event in found.events[-1:])
            return found

        def batch(place: str | None, size: int = EVENTS_PAGE) -> Batch:
            try:
                return self._narrowed("email_events", page, place, size, EVENTS_PAGE)
            except UnreadableAnswerError as error:
                return past(error)

        def past(error: UnreadableAnswerError) -> Batch:
            nonlocal high
            high = self._below(low, reached[-1] if reached else high)
            if high is None:
                raise error
            alone = Malformed(SYSTEM, "email_events", "", "unreadable_row", error.payload)
            return Batch((), partial(batch, None), self._clock(), (alone,))

        reached: list[int] = []
        return batch(None)

    def with_campaigns(self, pages: Iterable[Page]) -> Iterator[Page]:
        """Pages of e-mail events whose clicks tell the name of their e-mail, too, under `campaign`:
        an event has its campaign's id alone. One call for each campaign not met before; a page
        without a new click asks nothing, and a name that cannot be had is left out.
        """
        for page in pages:
            yield replace(page, events=tuple(map(self._with_campaign, page.events)))

    def _with_campaign(self, event: Event) -> Event:
        if event.kind is not EventKind.EMAIL_CLICK or not event.name:
            return event
        if event.name not in self._campaigns:
            self._campaigns[event.name] = self._campaign(event.name)
        named = self._campaigns[event.name]
        return replace(event, details={**event.details, "campaign": named}) if named else event

    def _campaign(self, number: str) -> str:
        """The name of an e-mail campaign, "" where it is gone, may not be read or has none. FACTS
        has no campaigns: path, `name` and scope (`content`, as for the events) are those of the
        vendor's reference of its e-mail analytics API.
        """
        try:
            answer = self._wire.get(f"{self._paths.email_campaigns}/{quote(number, safe='')}", {})
            found = object_of(SYSTEM, answer.json()) if answer.status == HTTPStatus.OK else {}
        except UnavailableError:
            return ""
        return str(found.get("name") or "")

    def _below(self, low: int | None, high: int | None) -> int | None:
        """The latest instant (ms) from which on backwards e-mail events can be read again, where
        one just before `high` makes answers end in its middle; None where there is none.

        Steps back get longer until an answer can be read, and are halved from there: a few dozen
        small calls. Of two such events close together, what lies between them may be passed over;
        the nightly count finds that out.
        """
        newest = to_ms(self._clock()) if high is None else high
        oldest = low if low is not None else newest - FURTHEST
        if not self._reads(low, oldest):
            return None  # nothing can be read at all now: no fault of an event's
        bad, step = newest, 1
        while newest - step > oldest and not self._reads(low, newest - step):
            bad, step = newest - step, step * 2
        good = max(oldest, newest - step)
        while bad - good > 1:
            middle = (bad + good) // 2
            if self._reads(low, middle):
                good = middle
            else:
                bad = middle
        return good

    def _reads(self, low: int | None, high: int) -> bool:
        """Whether the newest e-mail event up to an instant can be read."""
        query = {"startTimestamp": low, "endTimestamp": high, "limit": 1}
        try:
            object_of(SYSTEM, expect(self._wire.get(self._paths.email_events, query)))
        except UnreadableAnswerError:
            return False
        return True

    def _email_page(self, query: Mapping[str, Any], following: Following) -> Batch:
        answer = self._wire.get(self._paths.email_events, query)
        body, at = object_of(SYSTEM, expect(answer)), answer.date(self._clock)
        rows = rows_in(SYSTEM, body, "events")
        found = sift(rows, email_event, system=SYSTEM, stream="email_events", latest=at)
        offset = _offset_of(body, query.get("offset")) if rows else None
        more = partial(following, offset) if offset is not None else None
        return Batch(tuple(found.good), more, at, found.malformed, offset)

    def submissions(self, guid: str, after: str | None = None) -> Batch:
        """The newest submissions of a form; none when it was removed since forms were listed."""

        def page(place: str | None, size: int, then: int) -> Batch:
            return self._form_page(guid, place, size, lambda offset: batch(offset, then))

        def batch(place: str | None, size: int = SUBMISSIONS_PAGE) -> Batch:
            return self._narrowed(f"form:{guid}", page, place, size, SUBMISSIONS_PAGE)

        return batch(after)

    def _form_page(self, guid: str, after: str | None, size: int, following: Following) -> Batch:
        answer = self._wire.get(self._paths.submissions(guid), {"limit": size, "after": after})
        if answer.status == 404:
            return Batch((), None, answer.date(self._clock))
        body, at = expect(answer), answer.date(self._clock)
        title = self.forms().get(guid, "")
        found = sift(
            rows_in(SYSTEM, body, "results"),
            lambda raw: form_fill(raw, guid=guid, name=title),
            system=SYSTEM,
            stream=f"form:{guid}",
            latest=at,
        )
        offset = next_of(body, after)
        more = partial(following, offset) if offset is not None else None
        return Batch(tuple(found.good), more, at, found.malformed, offset)

    def _narrowed(
        self, stream: str, page: SizedPage, place: str | None, size: int, whole: int
    ) -> Batch:
        """A page; where it stays unreadable, half of it, until the element that makes it so stands
        alone. That one is set aside and skipped by what can be read of its answer's paging, and
        pages are whole again. Raises UnreadableAnswerError where the paging cannot be read either.
        """
        then = whole
        while True:
            try:
                return page(place, size, then)
            except UnreadableAnswerError as error:
                if size == 1:
                    return self._skipped(stream, error, place, page, whole)
                then = size = max(1, size // 2)

    def _skipped(
        self,
        stream: str,
        error: UnreadableAnswerError,
        place: str | None,
        page: SizedPage,
        whole: int,
    ) -> Batch:
        """A batch of nothing but the element that cannot be read."""
        beyond = _beyond(error, place)
        alone = Malformed(SYSTEM, stream, "", "unreadable_row", error.payload)
        more = None
        if beyond is not None:
            more = partial(self._narrowed, stream, page, beyond, whole, whole)
        return Batch((), more, self._clock(), (alone,), beyond)

    def forms(self, *, again: bool = False) -> dict[str, str]:
        """Form names by guid, as listed the last time; `again` lists them now."""
        if self._forms is None or again:
            self._forms = self._list_forms()
        return self._forms

    def _list_forms(self) -> dict[str, str]:
        """Forms of every type and not of HubSpot's own alone (FACTS section 2)."""
        forms: dict[str, str] = {}
        unlisted: list[Malformed] = []
        after: str | None = None
        while True:
            query = {"limit": FORMS_PAGE, "after": after, "formTypes": "all"}
            body = expect(self._wire.get(self._paths.forms, query))
            rows = rows_in(SYSTEM, body, "results")
            found = sift(rows, _form, system=SYSTEM, stream="forms")
            forms.update(found.good)
            unlisted += found.malformed
            after = next_of(body, after)
            if after is None:
                self.unlisted = tuple(unlisted)
                return forms


def _offset_of(body: Mapping[str, Any], before: str | None) -> str | None:
    """Where the next page of e-mail events begins; None on the last. Raises UnreadableAnswerError
    for none that leads further."""
    if body.get("hasMore") is not True:
        return None
    offset = body.get("offset")
    if isinstance(offset, bool) or not isinstance(offset, str | int) or str(offset) == before:
        raise unreadable(SYSTEM, body)
    return str(offset)


def _beyond(error: UnreadableAnswerError, before: str | None) -> str | None:
    """The place behind an element that cannot be read, from what can be read of its answer; None
    where it was the last. Raises the error again where nothing tells."""
    rest = error.rest
    try:
        if "hasMore" in rest:
            return _offset_of(rest, before)
        if "paging" in rest:
            return next_of(rest, before)
    except UnreadableAnswerError:
        raise error from None
    raise error


def _form(raw: Mapping[str, Any]) -> tuple[str, str]:
    """A form's guid and name."""
    guid = str(raw["id"])
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", guid):
        raise RowFaultError("wrong_id", "id")
    return guid, str(raw.get("name", ""))
