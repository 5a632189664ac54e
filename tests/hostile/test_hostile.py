"""Rubbish from either vendor is set aside by name and reason, and never takes anything with it."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hubspot_events import email_event, form_fill
from connectors.hubspot_read import record_of as hubspot_record
from connectors.payloads import UnreadableReplyError, read_json, sift
from connectors.salesforce_records import record_of as salesforce_record
from tests.hostile.campaign import campaign
from tests.hostile.payloads import KINDS, damaged

ROWS = 160
"""Payloads of the short form; `make soak` runs 10,000."""

# A TLS connection the sandbox cuts is left to the collector by asyncio of Python 3.11.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
STAMP = "2026-03-02T08:00:00.000Z"
CONTACT = {"id": "7", "properties": {"lastmodifieddate": STAMP, "firstname": "Ada"}}
LEAD = {"Id": "00Q000000000001AAA", "SystemModstamp": "2026-03-02T08:00:00.000+0000"}
FILL = {
    "submittedAt": 1772438400000,
    "conversionId": "c-1",
    "values": [{"name": "email", "value": "ada@example.com"}],
}
MAIL = {"id": "m-1", "created": 1772438400000, "recipient": "ada@example.com", "type": "OPEN"}
PARSERS: dict[str, Any] = {
    "contacts": (CONTACT, lambda raw: hubspot_record("contacts", raw)),
    "Lead": (LEAD, lambda raw: salesforce_record("Lead", raw)),
    "form": (FILL, lambda raw: form_fill(raw, guid="g", name="Contact us")),
    "email_events": (MAIL, email_event),
}


def test_a_campaign_of_hostile_payloads_loses_nothing(tmp_path: Path) -> None:
    """Of a population most of which is spoilt, and answers that are: no crash, no stalled cursor,
    everything unusable set aside, everything usable delivered once, the second run silent; and
    once the vendor makes sense again, a replay brings in the rest."""
    (tmp_path / "sandbox").mkdir()
    came = campaign(tmp_path, rows=ROWS, seed=3)
    assert (came.crashes, came.stalled, came.doubled, came.second_run_writes) == (0, 0, 0, 0)
    assert came.fatal > ROWS / 3
    assert came.answers_spoilt > 0
    assert (came.unquarantined, came.quarantined_wrongly) == (0, 0)
    assert came.delivered == came.expected > 0
    assert came.open_after_replay == 0
    assert came.delivered_after_replay == came.people + came.events


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        (stream, name)
        for stream in PARSERS
        for name, kind in KINDS.items()
        if ("record" if stream in ("contacts", "Lead") else "event") in kind.streams
    ],
)
def test_every_kind_of_damage_ends_as_it_must(stream: str, kind: str) -> None:
    """A spoilt row is set aside with its own reason, or used, and the good rows beside it always
    are."""
    row, parse = PARSERS[stream]
    wanted = KINDS[kind]
    for seed in range(12):
        spoilt = wanted.spoil(row, random.Random(seed))
        body = read_json(
            b"[%b,%b,%b]" % (json.dumps(row).encode(), spoilt, json.dumps(row).encode())
        )
        found = sift(body, parse, system="vendor", stream=stream, latest=NOW)
        reasons = {one.reason for one in found.malformed}
        if wanted.reasons:
            assert len(found.good) == 2
            assert reasons <= wanted.reasons
            assert reasons
            assert all(one.payload.isascii() for one in found.malformed)
        else:
            assert len(found.good) == 3


@given(st.binary(max_size=200), st.integers(0, 10_000))
def test_reading_is_total(body: bytes, seed: int) -> None:
    """Whatever bytes come, reading them gives a value or the one error that says so."""
    spoilt, _ = damaged(b'{"results": [{"id": "1"}]}', random.Random(seed))
    for text in (body, spoilt):
        with suppress(UnreadableReplyError):
            read_json(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.sampled_from(sorted(PARSERS)), st.data())
def test_any_json_is_used_or_set_aside(stream: str, data: st.DataObject) -> None:
    """Any JSON value in the place of a row, or of any value inside one, raises nothing: as many
    rows come out as went in."""
    row, parse = PARSERS[stream]
    names = sorted({*row, *row.get("properties", {}), "archived", "IsDeleted", "properties"})
    changed = {data.draw(st.sampled_from(names)): data.draw(JSON)}
    inside = {**row, "properties": {**row.get("properties", {}), **changed}}
    rows = [data.draw(JSON), {**row, **changed}, inside]
    found = sift(rows, parse, system="vendor", stream=stream, latest=NOW)
    assert len(found.good) + len(found.malformed) == len(rows)
