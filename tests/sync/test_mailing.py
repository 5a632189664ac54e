"""The monthly report is mailed once for each month and address, whatever fails in between."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from state import mailings
from sync import alerts, crash
from sync.config import Config, load_config
from sync.config_service import ReportMail
from sync.mailing import Letter, key_of, letter, over, send_due
from sync.reporting_words import Audience
from sync.workspace import write_workspace
from tests.sync.office import Office
from tests.sync.world import World

BOSS, REP = "mailtos://boss.example", "mailtos://rep.example"
MARCH, APRIL = datetime(2026, 4, 1, 2, tzinfo=UTC), datetime(2026, 5, 1, 2, tzinfo=UTC)


@dataclass
class Postbox:
    """Takes letters; refuses the first so many."""

    refuses: int = 0
    got: list[tuple[str, Letter]] = field(default_factory=list)

    def __call__(self, address: str, sent: Letter) -> bool:
        """A letter."""
        if self.refuses:
            self.refuses -= 1
            return False
        self.got.append((address, sent))
        return True


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A workspace whose reports go to two people."""
    path = write_workspace(
        tmp_path / "workspace",
        hubspot={"access_token": "x", "account_id": "1"},
        salesforce={"account_id": "00D000000000001AAA", "login_url": "https://example.test",
                    "client_id": "x", "client_secret": "x"},
    )  # fmt: skip
    reports = (ReportMail((BOSS,), Audience.BOTH), ReportMail((REP,), Audience.SALES))
    return replace(load_config(path, environ={}), reports=reports)


@pytest.fixture
def office(world: World) -> Office:
    """A company with a lead nobody has called."""
    made = Office(world)
    made.lead("Ada", "Byron")
    made.audited(25)
    return made


def sent(config: Config, office: Office, at: datetime, box: Postbox) -> int:
    """What goes out at an instant."""
    office.world.time.at = at - office.world.time.tick
    return send_due(config, config.pairs[0], office.world.store, box)


def test_each_address_gets_its_report_once_a_month(config: Config, office: Office) -> None:
    """On the first of April both get March's report, each their own; nobody a second time, and in
    May April's."""
    box = Postbox()
    assert sent(config, office, MARCH, box) == 2
    assert sent(config, office, MARCH + timedelta(days=20), box) == 0
    assert [address for address, _ in box.got] == [BOSS, REP]
    both, sales = (one.page for _, one in box.got)
    assert ("Fastest sources" in both, "Fastest sources" in sales) == (True, False)
    assert "March 2026 (UTC), for both teams" in both
    assert [one.title for _, one in box.got] == ["Monthly report of main, March 2026"] * 2
    assert sent(config, office, APRIL, box) == 2


def test_nothing_goes_out_before_the_month_is_over(config: Config, office: Office) -> None:
    """At one in the morning of the first it is still too early for March: February's is sent,
    once, and March's an hour later."""
    box = Postbox()
    assert sent(config, office, MARCH - timedelta(minutes=1), box) == 2
    assert sent(config, office, MARCH - timedelta(seconds=30), box) == 0
    assert sent(config, office, MARCH, box) == 2
    assert over(config.pairs[0].mapping, MARCH, 2).end == MARCH - timedelta(hours=2)


def test_a_report_that_did_not_go_out_is_tried_again_every_hour(
    config: Config, office: Office
) -> None:
    """A mail server that is down for a while costs an hour, not the month; the other address gets
    its own meanwhile."""
    box = Postbox(refuses=1)
    assert sent(config, office, MARCH, box) == 1
    assert sent(config, office, MARCH + timedelta(minutes=30), box) == 0
    assert sent(config, office, MARCH + timedelta(minutes=61), box) == 1
    assert sorted(address for address, _ in box.got) == [BOSS, REP]
    with office.world.store.read() as tx:
        assert mailings.unsettled(tx) == []


def test_after_many_failures_it_is_given_up(config: Config, office: Office) -> None:
    """An address nobody answers at is not tried for ever, and is told."""
    alone = replace(config, reports=config.reports[:1])
    box = Postbox(refuses=1000)
    for hour in range(40):
        sent(alone, office, MARCH + timedelta(hours=2 * hour), box)
    assert 1000 - box.refuses == mailings.TRIES
    with office.world.store.read() as tx:
        [left] = mailings.unsettled(tx)
    assert (left.status, left.attempts) == ("failed", mailings.TRIES)


@pytest.mark.parametrize(("point", "already"), [("after_mailing_claim", 0), ("after_mailing", 1)])
def test_a_kill_never_sends_a_report_twice(
    config: Config, office: Office, point: str, already: int
) -> None:
    """Killed before or after sending, the one in hand is not sent again, and stands as begun; the
    others go out with the next run."""
    box = Postbox()

    def die(reached: str) -> None:
        if reached == point:
            raise crash.Crash

    with crash.watched(die), pytest.raises(crash.Crash):
        sent(config, office, MARCH, box)
    assert len(box.got) == already
    assert sent(config, office, MARCH + timedelta(hours=2), box) == 1
    assert [address for address, _ in box.got][already:] == [REP]
    with office.world.store.read() as tx:
        [left] = mailings.unsettled(tx)
    assert (left.status, BOSS in left.key) == ("begun", False)


def test_nobody_is_mailed_where_nobody_is_named(config: Config, office: Office) -> None:
    """Without addresses nothing is built or sent."""
    box = Postbox()
    assert sent(replace(config, reports=()), office, MARCH, box) == 0


def test_an_address_is_not_in_its_key(config: Config) -> None:
    """What is kept of an address is a digest."""
    span = over(config.pairs[0].mapping, MARCH, 2)
    assert "boss" not in key_of(span, Audience.BOTH, BOSS)


# --- over the wire -------------------------------------------------------------------------------


@contextmanager
def mail_server() -> Iterator[tuple[int, list[bytes]]]:
    """An SMTP server on loopback that takes one message."""
    taken: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 ready\r\n")
            for line in lines:
                word = line.split()[0].upper() if line.split() else b""
                if word == b"DATA":
                    connection.sendall(b"354 go on\r\n")
                    body = b""
                    while not body.endswith(b"\r\n.\r\n"):
                        body += lines.readline()
                    taken.append(body)
                connection.sendall(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
                if word == b"QUIT":
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], taken
    finally:
        listener.close()
        thread.join(timeout=5)


def test_an_email_has_its_pictures_inside(config: Config, office: Office) -> None:
    """Through Apprise and SMTP, the message is HTML whose pictures are parts of it."""
    pair = config.pairs[0]
    made = letter(pair, office.world.store, Audience.BOTH, over(pair.mapping, APRIL, 2))
    made = replace(made, images={"stages.png": b"\x89PNG not a real one"},
                   page='<p>Monthly</p><img src="cid:stages.png" alt="x">')  # fmt: skip
    with mail_server() as (port, taken):
        address = f"mailto://127.0.0.1:{port}?from=leadloop@example.com&to=boss@example.com"
        assert alerts.post(address, made)
    [raw] = taken
    message = message_from_bytes(raw)
    parts = {part.get_content_type(): part for part in message.walk()}
    assert "cid:stages.png" in str(parts["text/html"].get_payload(decode=True))
    assert "stages.png" in str(parts["image/png"]["Content-ID"])


def test_an_address_nobody_answers_at_is_no_error(config: Config, office: Office) -> None:
    """A mail server that is not there, or an address that is none, is a letter that did not go."""
    made = Letter("Monthly", "<p>x</p>", {})
    assert not alerts.post("mailto://127.0.0.1:9?from=a@example.com&to=b@example.com", made)
    assert not alerts.post("nonsense", made)
