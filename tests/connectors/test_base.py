"""What all connectors share: when a call is sent again, and that no row goes missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import (
    Answer,
    BatchRefusedError,
    Caller,
    NullLimiter,
    batches_of,
    instant,
    iso,
    write_batches,
    write_groups,
)
from connectors.retrying import (
    MAX_WAIT_SECONDS,
    NotSentError,
    ReplyLostError,
    Verdict,
    rate_limited,
)
from mappings.errors import (
    AuthenticationError,
    LeadloopError,
    OutcomeUnknownError,
    QuotaExhaustedError,
    RateLimitedError,
    RecordRejectedError,
    UnavailableError,
)
from mappings.records import Operation, Outcome, OutcomeStatus, Write

Step = Answer | Exception


def row(number: int, record_id: str | None = None) -> Write:
    """A row that updates a record."""
    return Write(
        f"k{number}", Operation.UPDATE, "contacts", {"n": number}, record_id or f"{number}"
    )


def done(rows: Sequence[Write]) -> list[Outcome]:
    """All went well."""
    return [Outcome(r.key, OutcomeStatus.OK, r.id) for r in rows]


class Line:
    """A vendor that answers from a script and counts what it was sent."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.sent = 0
        self.slept: list[float] = []
        self.caller = Caller(
            "vendor", NullLimiter(), self.judge, sleep=self.slept.append, jitter=lambda: 0.0
        )

    def send(self) -> Answer:
        """The next step; the last one again when the script is over."""
        self.sent += 1
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return step

    @staticmethod
    def judge(answer: Answer) -> Verdict | None:
        """429 asks for a second, 5xx may have worked, 401 is final."""
        if answer.status == 429:
            return rate_limited("vendor", 1.0)
        if answer.status == 401:
            return Verdict(AuthenticationError("no"))
        if answer.status >= 500:
            return Verdict(UnavailableError("down"), wait=0.0, maybe_applied=True)
        return None


OK = Answer(200, {}, b"{}")


@pytest.mark.parametrize("step", [NotSentError(), Answer(429, {}, b"")])
def test_a_write_that_was_not_applied_is_sent_again(step: Step) -> None:
    """A refused connection and a 429 applied nothing: the same write goes out again."""
    line = Line(step, step, OK)
    assert line.caller.write(line.send) is OK
    assert line.sent == 3


@pytest.mark.parametrize("step", [ReplyLostError(), Answer(503, {}, b""), Answer(504, {}, b"")])
def test_a_write_that_may_have_been_applied_is_never_sent_again(step: Step) -> None:
    """A lost reply and a 5xx leave the outcome unknown; the write is sent once."""
    line = Line(step, OK)
    with pytest.raises(OutcomeUnknownError):
        line.caller.write(line.send)
    assert line.sent == 1
    assert line.slept == []


@pytest.mark.parametrize(
    "step", [NotSentError(), ReplyLostError(), Answer(503, {}, b""), Answer(429, {}, b"")]
)
def test_a_read_is_sent_again_after_every_passing_failure(step: Step) -> None:
    """A read harms nothing: it is repeated."""
    line = Line(step, step, OK)
    assert line.caller.read(line.send).status == OK.status
    assert line.sent == 3


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (Answer(429, {}, b""), RateLimitedError),
        (NotSentError(), UnavailableError),
        (ReplyLostError(), UnavailableError),
        (Answer(500, {}, b""), UnavailableError),
    ],
)
def test_waiting_ends_within_five_seconds(step: Step, expected: type[LeadloopError]) -> None:
    """What lasts longer goes back to the scheduler as the error it is."""
    line = Line(step)
    with pytest.raises(expected):
        line.caller.read(line.send)
    assert sum(line.slept) <= MAX_WAIT_SECONDS
    assert line.sent >= 3


def test_what_cannot_pass_is_not_repeated() -> None:
    """Refused credentials are refused once."""
    line = Line(Answer(401, {}, b""))
    with pytest.raises(AuthenticationError):
        line.caller.read(line.send)
    assert (line.sent, line.slept) == (1, [])


def test_a_long_pause_is_not_begun() -> None:
    """A vendor that asks for a minute is not waited for at all."""
    line = Line(Answer(477, {}, b""))
    line.caller.judge = lambda _: rate_limited("vendor", 60.0)
    with pytest.raises(RateLimitedError) as raised:
        line.caller.write(line.send)
    assert raised.value.retry_after == 60
    assert line.slept == []


@given(st.lists(st.integers(0, 6), max_size=40), st.integers(1, 7))
def test_batches_keep_order_and_hold_no_record_twice(targets: list[int], size: int) -> None:
    """Every row is in one batch, in order; no batch is too large or names a record twice."""
    rows = [row(number, str(target)) for number, target in enumerate(targets)]
    batches = batches_of(rows, size)
    assert [r for batch in batches for r in batch] == rows
    for batch in batches:
        assert 0 < len(batch) <= size
        assert len({r.id for r in batch}) == len(batch)


@given(st.integers(0, 60), st.sets(st.integers(0, 59)), st.booleans(), st.integers(1, 30))
def test_only_the_guilty_rows_of_refused_batches_are_rejected(
    count: int, bad: set[int], named: bool, size: int
) -> None:
    """Whether or not the vendor names them, the guilty rows alone are rejected, each once."""
    guilty = {f"k{number}" for number in bad}

    def send(rows: Sequence[Write]) -> list[Outcome]:
        if any(r.key in guilty for r in rows):
            name: Callable[[Write], bool] | None = (lambda r: r.key in guilty) if named else None
            raise BatchRefusedError(RecordRejectedError("bad"), guilty=name)
        return done(rows)

    outcomes = write_batches([row(number) for number in range(count)], size, send)
    assert sorted(o.key for o in outcomes) == sorted(f"k{number}" for number in range(count))
    for outcome in outcomes:
        expected = OutcomeStatus.REJECTED if outcome.key in guilty else OutcomeStatus.OK
        assert outcome.status is expected


def test_a_quota_that_ends_in_the_middle_leaves_the_rest_to_be_retried() -> None:
    """Rows after the last applied batch are RETRY; before any was sent the error is raised."""
    sent: list[int] = []

    def send(rows: Sequence[Write]) -> list[Outcome]:
        if sent:
            raise QuotaExhaustedError("used up")
        sent.append(len(rows))
        return done(rows)

    outcomes = write_batches([row(number) for number in range(5)], 2, send)
    assert [o.status for o in outcomes] == [OutcomeStatus.OK] * 2 + [OutcomeStatus.RETRY] * 3
    with pytest.raises(QuotaExhaustedError):
        write_batches([row(9)], 2, send)
    grouped = write_groups([([row(1)], 2, done), ([row(2)], 2, send)])
    assert [o.status for o in grouped] == [OutcomeStatus.OK, OutcomeStatus.RETRY]


def test_a_batch_with_an_unknown_outcome_does_not_stop_the_next() -> None:
    """UNKNOWN covers the rows of that call alone."""
    calls: list[str] = []

    def send(rows: Sequence[Write]) -> list[Outcome]:
        calls.append(rows[0].key)
        if len(calls) == 1:
            raise OutcomeUnknownError("lost")
        return done(rows)

    outcomes = write_batches([row(number) for number in range(4)], 2, send)
    unknown, ok = OutcomeStatus.UNKNOWN, OutcomeStatus.OK
    assert [o.status for o in outcomes] == [unknown, unknown, ok, ok]


def test_an_answer_tells_the_vendors_time() -> None:
    """The Date header is the remote's clock; without one, or with nonsense, our own serves."""
    own = datetime(2026, 1, 1, tzinfo=UTC)
    headers = {"date": "Mon, 02 Mar 2026 08:00:00 GMT"}
    assert Answer(200, headers, b"").date(lambda: own) == datetime(2026, 3, 2, 8, tzinfo=UTC)
    for broken in ({}, {"date": "yesterday"}):
        assert Answer(200, broken, b"").date(lambda: own) == own


def test_a_body_that_is_no_json_is_a_lost_reply() -> None:
    """Half a body says nothing of what was done."""
    assert Answer(200, {}, json.dumps({"a": 1}).encode()).json() == {"a": 1}
    assert Answer(204, {}, b"").json() is None
    with pytest.raises(ReplyLostError):
        Answer(200, {}, b'{"a": ').json()


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001 - made aware below
def test_cursor_times_survive_their_text(at: datetime) -> None:
    """Milliseconds are kept; vendors' other spellings of UTC are understood."""
    aware = at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=UTC)
    assert instant(iso(aware)) == aware
    assert instant(iso(aware).replace("Z", "+0000")) == aware
