"""Calls for HubSpot's events: e-mail events, form definitions, form submissions.

What an event looks like and how a newest-first stream is read stands in `hubspot_events`; here is
which call brings the next page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.base import Clock
from connectors.hubspot_events import Batch, email_event, form_fill, to_ms
from connectors.hubspot_read import next_of
from connectors.hubspot_wire import SYSTEM, Paths, Wire, expect
from connectors.payloads import RowFaultError, object_of, rows_in, sift, unreadable
from mappings.records import Malformed

SUBMISSIONS_PAGE = 50  # FACTS section 2
EVENTS_PAGE = 1000  # FACTS section 2
FORMS_PAGE = 50  # assumed: the default page is 20, and 50 is accepted


class Marketing:
    """Reads the events of one account. `unlisted` are form definitions that made no sense."""

    def __init__(self, wire: Wire, paths: Paths, clock: Clock) -> None:
        self._wire = wire
        self._paths = paths
        self._clock = clock
        self._forms: dict[str, str] | None = None
        self.unlisted: tuple[Malformed, ...] = ()

    def email_events(self, oldest: datetime | None, newest: datetime | None) -> Batch:
        """The newest e-mail events between two instants."""
        query = {
            "limit": EVENTS_PAGE,
            "startTimestamp": to_ms(oldest) if oldest else None,
            "endTimestamp": to_ms(newest) if newest else None,
        }
        return self._email_batch(query)

    def _email_batch(self, query: Mapping[str, Any]) -> Batch:
        answer = self._wire.get(self._paths.email_events, query)
        body, at = object_of(SYSTEM, expect(answer)), answer.date(self._clock)
        rows = rows_in(SYSTEM, body, "events")
        found = sift(rows, email_event, system=SYSTEM, stream="email_events", latest=at)
        offset = body.get("offset")
        more = body.get("hasMore") is True and bool(rows)
        if more and (not isinstance(offset, str | int) or offset == query.get("offset")):
            raise unreadable(SYSTEM, body)
        return Batch(
            tuple(found.good),
            (lambda: self._email_batch({**query, "offset": offset})) if more else None,
            at,
            found.malformed,
        )

    def submissions(self, guid: str, after: str | None = None) -> Batch:
        """The newest submissions of a form; none when it was removed since forms were listed."""
        query = {"limit": SUBMISSIONS_PAGE, "after": after}
        answer = self._wire.get(self._paths.submissions(guid), query)
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
        more = next_of(body, after)
        return Batch(
            tuple(found.good),
            (lambda: self.submissions(guid, more)) if more else None,
            at,
            found.malformed,
            more,
        )

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


def _form(raw: Mapping[str, Any]) -> tuple[str, str]:
    """A form's guid and name."""
    guid = str(raw["id"])
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", guid):
        raise RowFaultError("wrong_id", "id")
    return guid, str(raw.get("name", ""))
