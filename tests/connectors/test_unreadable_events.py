"""One element of an event stream that makes its whole page unreadable costs that element alone."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import VendorConnector, load
from connectors.payloads import UnreadableReplyError, check, read_json
from mappings.errors import UnreadableAnswerError
from mappings.ports import Page
from tests.connectors.test_hubspot_events import email_event
from tests.connectors.vendors import Vendors, running
from tests.contract import Puller
from tests.hostile.proxy import LISTS, row_id, serving

DEEP = 100_000
"""Levels: far beyond what Python's reader can follow."""
Spoil = Callable[[bytes], bytes]


def deep(row: bytes) -> bytes:
    """The row with a value nested so deeply that reading it raises RecursionError."""
    return row[:-1] + b', "more": ' + b"[" * DEEP + b"]" * DEEP + b"}"


def broken(row: bytes) -> bytes:
    """The row with a value that is no JSON."""
    return row[:-1] + b', "more": oops}'


def not_text(row: bytes) -> bytes:
    """The row with bytes that are no UTF-8."""
    return row[:-1] + b', "more": "\xff\xfe"}'


def cut(row: bytes) -> bytes:
    """Half a row."""
    return row[: len(row) // 2]


@dataclass
class Poison:
    """Which rows are spoilt, and how; what came after one is lost where `rest` is False."""

    rows: Mapping[str, Spoil]
    rest: bool = True
    asked: list[str] = field(default_factory=list)

    def change(self, path: str, _sent: bytes, body: bytes) -> tuple[bytes, str]:
        """The answer as it is given instead."""
        parsed = json.loads(body)
        name = next((n for n in LISTS if n in parsed), None)
        if name is None:
            return body, "application/json"
        self.asked.append(path)
        parts = [json.dumps(row).encode() for row in parsed[name]]
        for place, row in enumerate(parsed[name]):
            if row_id(row) in self.rows:
                parts[place] = self.rows[row_id(row)](parts[place])
                if not self.rest:
                    return b'{"%s": [%s' % (name.encode(), b",".join(parts[: place + 1])), "x"
        whole = json.dumps({**parsed, name: "\x00rows"}).encode()
        return whole.replace(b'"\\u0000rows"', b"[" + b",".join(parts) + b"]"), "application/json"


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[Vendors]:
    """A sandbox of the test's own."""
    with running(tmp_path) as started:
        yield started


@contextmanager
def through(vendors: Vendors, poison: Poison) -> Iterator[VendorConnector]:
    """A connector that reads the account through something that spoils rows."""
    settings = vendors.hubspot_settings
    with serving(settings["base_url"], poison, tls=None, trust=None) as url:
        connector = load("hubspot", {**settings, "base_url": url}, sleep=vendors.sleep)
        yield connector
        connector.close()


def emails(vendors: Vendors, count: int) -> list[str]:
    """So many e-mail events, a second apart; their ids, newest first."""
    now = vendors.sandbox.clock.now()
    events = [email_event(n, "OPEN", now - timedelta(seconds=n)) for n in range(count)]
    vendors.do(lambda: vendors.sandbox.hubspot.add_email_events(events))
    return [str(event["id"]) for event in events]


def fills(vendors: Vendors, count: int) -> tuple[str, list[str]]:
    """A form, filled so often; its guid, and the submissions' ids."""
    account = vendors.sandbox.hubspot
    form = {"name": "Demo", "fieldGroups": [{"fields": [{"name": "email", "objectTypeId": "0-1"}]}]}
    guid = vendors.do(lambda: account.create_form(form))
    made = []
    for number in range(count):
        values = {"email": f"person{number}@example.com"}
        submit = partial(account.submit_form, guid, values, page_url="https://acme.example/")
        made.append(vendors.do(submit))
    return guid, made


def pulled(puller: Puller) -> list[Page]:
    """The pages of one whole pull."""
    pages = list(puller.pages())
    assert pages[-1].last
    return pages


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(deep, "too_deep"), (broken, "unreadable_row"), (not_text, "broken_text")],
)
def test_one_e_mail_event_is_set_aside_and_the_stream_goes_on(
    vendors: Vendors, spoil: Spoil, reason: str
) -> None:
    """Whatever is wrong with one event of 2,300, a value too deep for Python's reader included: it
    is set aside with its reason, every other lands once, and the stream is read to its end."""
    ids = emails(vendors, 2300)
    with through(vendors, Poison({ids[1234]: spoil})) as connector:
        puller = Puller(connector, "email_events")
        pages = pulled(puller)
    landed = puller.landed.events["email_events"]
    assert {key.split(":")[1] for key in landed} == set(ids) - {ids[1234]}
    aside = [row for page in pages for row in page.malformed]
    assert [row.reason for row in aside] == [reason]
    assert ids[1234] in aside[0].payload


@pytest.mark.parametrize("places", [(0,), (49,), (119,), (60, 61), (0, 50, 119)])
def test_submissions_go_on_behind_those_that_cannot_be_read(
    vendors: Vendors, places: tuple[int, ...]
) -> None:
    """The first, the last, two in a row, one of each page: of 120 submissions every other lands."""
    guid, ids = fills(vendors, 120)
    bad = {ids[place] for place in places}
    with through(vendors, Poison(dict.fromkeys(bad, broken))) as connector:
        puller = Puller(connector, f"form:{guid}")
        pages = pulled(puller)
    landed = puller.landed.events[f"form:{guid}"]
    assert {key.split(":")[2] for key in landed} == set(ids) - bad
    assert len({row.payload for page in pages for row in page.malformed}) == len(places)


def test_pages_are_whole_again_behind_it(vendors: Vendors) -> None:
    """Narrowing costs a few small pages; behind the bad element, and after a passing failure, the
    stream is read in whole pages again."""
    ids = emails(vendors, 9000)
    with through(vendors, poison := Poison({ids[10]: broken})) as connector:
        pulled(Puller(connector, "email_events"))
    whole = [path for path in poison.asked if "limit=1000" in path]
    assert len(whole) > 8
    assert len(poison.asked) < 100


def keys_of(puller: Puller, stream: str, part: int) -> set[str]:
    """What has landed of a stream, by that part of the events' keys."""
    return {key.split(":")[part] for key in puller.landed.events[stream]}


@pytest.mark.parametrize("places", [(0,), (100,), (299,), (0, 150, 299)])
def test_an_answer_that_ends_in_an_e_mail_event_is_passed_by_its_time(
    vendors: Vendors, places: tuple[int, ...]
) -> None:
    """Nothing of the answer says how to get past the event it ends in: it is set aside, every other
    lands, and the stream is read to its end, once more when something new comes."""
    ids = emails(vendors, 300)
    bad = {ids[place] for place in places}
    with through(vendors, poison := Poison(dict.fromkeys(bad, cut), rest=False)) as connector:
        puller = Puller(connector, "email_events")
        pages = pulled(puller)
        assert keys_of(puller, "email_events", 1) == set(ids) - bad
        aside = [row.reason for page in pages for row in page.malformed]
        assert aside == ["unreadable_row"] * len(places)
        assert len(poison.asked) < 300 * len(places)
        new = email_event(1_000_000, "OPEN", vendors.sandbox.clock.now())
        vendors.do(lambda: vendors.sandbox.hubspot.add_email_events([new]))
        pulled(puller)
    assert keys_of(puller, "email_events", 1) == set(ids) - bad | {str(new["id"])}


def test_an_answer_that_ends_in_a_submission_stalls_nothing(vendors: Vendors) -> None:
    """What is newer lands now and later, the reading ends with the submission set aside and a note
    of the gap; once it can be read, what lay behind it lands too."""
    guid, ids = fills(vendors, 120)
    stream = f"form:{guid}"
    with through(vendors, poison := Poison({ids[60]: cut}, rest=False)) as connector:
        puller = Puller(connector, stream)
        (last,) = [page for page in pulled(puller) if page.last]
        before = keys_of(puller, stream, 2)
        assert len(before) in (59, 60)
        assert [row.reason for row in last.malformed] == ["unreadable_row"]
        assert last.cursor["gap"]["at"] is None
        account, values = vendors.sandbox.hubspot, {"email": "late@example.com"}
        late = vendors.do(partial(account.submit_form, guid, values, page_url="https://a.example/"))
        pulled(puller)
        assert keys_of(puller, stream, 2) == before | {late}
        poison.rows = {}
        vendors.sandbox.clock.move(31 * 60)
        (last,) = [page for page in pulled(puller) if page.last]
    assert keys_of(puller, stream, 2) == {*ids, late}
    assert "gap" not in last.cursor


class Outage(Poison):
    """A vendor that answers every call for e-mail events with something that makes no sense."""

    def change(self, path: str, sent: bytes, body: bytes) -> tuple[bytes, str]:
        """The answer as it is given instead."""
        if "email/public" in path:
            self.asked.append(path)
            return b"<html>", "text/html"
        return super().change(path, sent, body)


def test_an_outage_is_no_gap(vendors: Vendors) -> None:
    """Where nothing at all can be read the stream waits by name, after a handful of calls: no event
    is passed over."""
    emails(vendors, 30)
    with through(vendors, outage := Outage({})) as connector:
        puller = Puller(connector, "email_events")
        with pytest.raises(UnreadableAnswerError):
            list(puller.pages())
    assert puller.cursor is None
    assert len(outage.asked) < 60


def test_a_deep_value_costs_its_row_alone() -> None:
    """An answer nested too deeply to be read is read all the same: that row is `too_deep`, its
    neighbours are as they were."""
    body = b'{"results": [{"id": "1"}, ' + deep(b'{"id": "2"}') + b', {"id": "3", "a": "[[}"}]}'
    rows = read_json(body)["results"]
    assert (rows[0], rows[2]) == ({"id": "1"}, {"id": "3", "a": "[[}"})
    assert rows[1]["id"] == "2"
    with pytest.raises(ValueError, match="too_deep"):
        check(rows[1])


@given(st.binary(max_size=200), st.integers(0, 3))
def test_reading_is_total_at_any_depth(junk: bytes, opened: int) -> None:
    """Whatever stands in an answer, and however it is nested, reading gives JSON or says that it
    cannot: nothing else is raised."""
    body = b'{"results": ' + (b"[" * 50_000) * opened + junk
    with contextlib.suppress(UnreadableReplyError):
        read_json(body)
