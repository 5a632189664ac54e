"""What every connector shares: pacing, retries, batches, and loading one by its name.

Promises, whatever the vendor:

- A call is paced by the account's `Limiter` before each attempt.
- Tenacity sends a call again exactly where `connectors.retrying` decides so; a write that may have
  been sent becomes `OutcomeUnknownError`, and its rows outcomes of UNKNOWN. The limiter is told
  how every call ended.
- One bad row never fails the others: a batch the vendor refuses as a whole is halved until the
  guilty rows stand alone.
"""

from __future__ import annotations

import importlib
import random
import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, cast

from connectors.payloads import UnreadableReplyError, read_json, unreadable
from connectors.retrying import (
    Decision,
    NotSentError,
    ReplyLostError,
    Verdict,
    decide,
    not_sent,
    reply_lost,
)
from mappings.errors import (
    ConfigurationError,
    LeadloopError,
    OutcomeUnknownError,
    RecordRejectedError,
    UnreadableAnswerError,
)
from mappings.ports import Connector, Limiter
from mappings.records import JOINS, Json, Operation, Outcome, OutcomeStatus, RecordRef, Write

CONNECT_SECONDS = 10.0
READ_SECONDS = 120.0
"""Assumed: Salesforce itself gives up on a query after 120 s; neither SDK has a time-out."""

Sleep = Callable[[float], None]
Clock = Callable[[], datetime]


class VendorConnector(Connector, Protocol):
    """A connector as `load` returns it: the protocol, and what is set once after loading."""

    def configure(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Which fields to read of which object; what the connector itself needs it adds."""

    def set_backfill(self, *, on: bool) -> None:
        """While on, writes are history: vendors' automation is asked to keep still (law 13)."""


class NullLimiter:
    """A limiter that never waits and never refuses: for tests, and for vendors without limits."""

    def acquire(self, bucket: str = "default") -> None:
        """Return at once."""

    def observe(self, *, daily_limit: int | None, daily_used: int | None) -> None:
        """Take no notice."""

    def observe_rate(self, *, limit: int, left: int, seconds: float) -> None:
        """Take no notice."""

    def ended(self, error: LeadloopError | None) -> None:
        """Take no notice."""


class DuplicateFoundError(RecordRejectedError):
    """The vendor refused a create because such a record exists; `found` names the ones it gave.

    Evidence, not failure (BEHAVIOURS, Duplicate rules): match again with these records.
    """

    default_code = "record.duplicate_detected"
    default_remedy = "Nothing to do: Leadloop matches again with the records the vendor named."

    def __init__(
        self, message: str, *, found: tuple[RecordRef, ...] = (), **where: str | None
    ) -> None:
        super().__init__(message, **where)
        self.found = found


class BatchRefusedError(Exception):
    """A whole batch was refused and nothing of it applied.

    `error` is what a row standing alone is rejected with. `guilty` says which rows are known to
    be at fault; None when the vendor did not say.
    """

    def __init__(
        self, error: LeadloopError, *, guilty: Callable[[Write], bool] | None = None
    ) -> None:
        super().__init__(error.code)
        self.error = error
        self.guilty = guilty


@dataclass(frozen=True, slots=True)
class Answer:
    """A vendor's answer, whatever client brought it. Header names are lower case.

    `parsed` is the body where the client has read it as JSON already.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    parsed: Any = None

    def json(self) -> Any:
        """The body as JSON; None when empty. Raises ReplyLostError when it is not JSON."""
        if self.parsed is not None:
            return self.parsed
        try:
            return read_json(self.body)
        except UnreadableReplyError as error:
            raise ReplyLostError from error

    def date(self, clock: Clock) -> datetime:
        """The vendor's own time (Date header, whole seconds), `clock`'s where it sent none."""
        text = self.headers.get("date", "")
        try:
            return parsedate_to_datetime(text).astimezone(UTC)
        except (ValueError, OverflowError):
            return clock()


@dataclass(slots=True)
class _AgainError(Exception):
    """Inside the retry loop: the call failed, and this is what the policy says about it."""

    decision: Decision


class _HeldBackError(Exception):
    """Inside the retry loop: the limiter let no call be made."""

    def __init__(self, error: LeadloopError) -> None:
        super().__init__(error.code)
        self.error = error


@dataclass(slots=True)
class Caller:
    """Sends calls of one system: paced, retried where that is safe, classified.

    `judge` turns an answer that is no success into a Verdict and returns None for a success;
    `watch` sees every answer (rate headers). `jitter` gives numbers in 0..1.
    """

    system: str
    limiter: Limiter
    judge: Callable[[Answer], Verdict | None]
    sleep: Sleep = time.sleep
    watch: Callable[[Answer], None] = field(default=lambda _answer: None)
    jitter: Callable[[], float] = random.random

    def read(self, send: Callable[[], Answer], *, bucket: str = "default") -> Answer:
        """Send a call that changes nothing; retried after any passing failure.

        A success that is no JSON is such a failure: proxies answer 200 with a page of their own.
        Raises RateLimitedError, QuotaExhaustedError, UnavailableError (UnreadableAnswerError), or
        the verdict's error.
        """
        return self._call(lambda: _understood(send()), bucket=bucket, harmless=True)

    def write(self, send: Callable[[], Answer], *, bucket: str = "default") -> Answer:
        """Send a call that changes something; retried only while nothing can have been applied.

        Raises OutcomeUnknownError when the reply was lost or a 5xx came, else as `read`.
        """
        return self._call(send, bucket=bucket, harmless=False)

    def _call(self, send: Callable[[], Answer], *, bucket: str, harmless: bool) -> Answer:
        from tenacity import RetryCallState, Retrying, retry_if_exception

        def pause(state: RetryCallState) -> float:
            failure = cast("_AgainError", state.outcome and state.outcome.exception())
            return failure.decision.wait or 0.0

        def tried(send: Callable[[], Answer]) -> Answer:
            statistics = retrying.statistics
            earlier = (int(statistics["attempt_number"]), float(statistics["idle_for"]))
            return self._attempt(send, bucket, earlier, harmless=harmless)

        retrying = Retrying(
            sleep=self.sleep,
            wait=pause,
            retry=retry_if_exception(
                lambda e: isinstance(e, _AgainError) and e.decision.wait is not None
            ),
            reraise=True,
        )
        try:
            answer = retrying(tried, send)
        except _HeldBackError as held:
            raise held.error from None
        except _AgainError as again:
            garbled = isinstance(again.decision.error, UnreadableAnswerError)  # it does serve
            self.limiter.ended(None if garbled else again.decision.error)
            raise again.decision.error from None
        self.limiter.ended(None)
        return answer

    def _attempt(
        self,
        send: Callable[[], Answer],
        bucket: str,
        earlier: tuple[int, float],
        *,
        harmless: bool,
    ) -> Answer:
        """One call. Raises _AgainError with the policy's word, or _HeldBackError."""
        try:
            self.limiter.acquire(bucket)
        except LeadloopError as error:
            raise _HeldBackError(error) from None
        try:
            answer = send()
            self.watch(answer)
            failure = self.judge(answer)
        except NotSentError:
            failure = not_sent(self.system)
        except UnreadableReplyError as reply:
            nonsense = unreadable(self.system, reply.payload, reply.rest)
            failure = Verdict(nonsense, wait=0.0, maybe_applied=True)
        except ReplyLostError:
            failure = reply_lost(self.system)
        except LeadloopError as error:
            failure = Verdict(error)
        if failure is None:
            return answer
        number, waited = earlier
        raise _AgainError(
            decide(
                failure,
                system=self.system,
                harmless=harmless,
                attempt=number,
                waited=waited,
                jitter=self.jitter(),
            )
        )


def _understood(answer: Answer) -> Answer:
    """The answer with its JSON read, where it is a success. Raises UnreadableReplyError."""
    if answer.status >= 300 or answer.parsed is not None:
        return answer
    return replace(answer, parsed=read_json(answer.body))


def batches_of(rows: Sequence[Write], size: int) -> list[list[Write]]:
    """Rows in batches of at most `size`, in order, no record twice within a batch.

    Both vendors refuse a batch that names one record twice, and would apply the two in any order.
    """
    batches: list[list[Write]] = []
    for row in rows:
        same = _target(row)
        last = batches[-1] if batches else None
        if last is None or len(last) >= size or any(_target(r) == same for r in last):
            batches.append([row])
        else:
            last.append(row)
    return batches


def _target(row: Write) -> object:
    if row.operation is Operation.CREATE:
        return row.external_id or row.key
    if row.operation in JOINS:
        return row.key
    return row.id or row.key


def write_batches(
    rows: Sequence[Write], size: int, send: Callable[[Sequence[Write]], list[Outcome]]
) -> list[Outcome]:
    """Send rows batch by batch; one outcome per row.

    `send` returns the outcomes of its batch or raises BatchRefusedError (nothing applied: the
    batch is halved) or OutcomeUnknownError. Any other error ends the sending: raised when nothing
    was applied yet, else the rows not sent become RETRY with that error.
    """
    outcomes: list[Outcome] = []
    work = deque(batches_of(rows, size))
    while work:
        batch = work.popleft()
        try:
            outcomes += send(batch)
        except BatchRefusedError as refused:
            for part in reversed(_parts(batch, refused, outcomes)):
                work.appendleft(part)
        except OutcomeUnknownError as error:
            outcomes += [Outcome(r.key, OutcomeStatus.UNKNOWN, r.id, error=error) for r in batch]
        except LeadloopError as error:
            if not outcomes:
                raise
            left = [row for part in (batch, *work) for row in part]
            outcomes += [Outcome(r.key, OutcomeStatus.RETRY, r.id, error=error) for r in left]
            work.clear()
    return outcomes


Group = tuple[Sequence[Write], int, Callable[[Sequence[Write]], list[Outcome]]]


def write_groups(groups: Sequence[Group], done: Sequence[Outcome] = ()) -> list[Outcome]:
    """`write_batches` for rows that take different calls: (rows, batch size, send) each; `done` are
    outcomes from before.

    Raises only while nothing of any group was sent; later the rows not sent become RETRY.
    """
    outcomes = list(done)
    for rows, size, send in groups:
        try:
            outcomes += write_batches(rows, size, send)
        except LeadloopError as error:
            if not outcomes:
                raise
            outcomes += [Outcome(r.key, OutcomeStatus.RETRY, r.id, error=error) for r in rows]
    return outcomes


def _parts(
    batch: list[Write], refused: BatchRefusedError, outcomes: list[Outcome]
) -> list[list[Write]]:
    """What of a refused batch to send again; the guilty are added to the outcomes."""
    guilty = {row.key for row in batch if refused.guilty is not None and refused.guilty(row)}
    if len(batch) == 1:
        guilty = {batch[0].key}
    outcomes += [rejected(row, refused.error) for row in batch if row.key in guilty]
    left = [row for row in batch if row.key not in guilty]
    if guilty:
        return [left] if left else []
    half = len(left) // 2
    return [left[:half], left[half:]]


def rejected(row: Write, error: LeadloopError) -> Outcome:
    """The outcome of a row the vendor refused."""
    return Outcome(row.key, OutcomeStatus.REJECTED, row.id, error=error)


def instant(text: str) -> datetime:
    """The aware UTC datetime of a vendor's ISO text (`Z`, `+0000` and `+00:00` alike)."""
    return datetime.fromisoformat(text).astimezone(UTC)


def iso(at: datetime) -> str:
    """ISO text with milliseconds and Z, as cursors keep it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(cursor: Mapping[str, Json] | None, name: str) -> datetime | None:
    """The instant a cursor keeps under `name`, if any."""
    text = (cursor or {}).get(name)
    return instant(text) if text else None


def setting(settings: Mapping[str, str], kind: str, name: str) -> str:
    """A setting that must be there. Raises ConfigurationError naming it."""
    value = settings.get(name, "")
    if not value:
        raise ConfigurationError(f"The {kind} connector needs the setting `{name}`.")
    return value


def utc_now() -> datetime:
    """The machine's time, aware UTC."""
    return datetime.now(UTC)


def load(
    kind: str,
    settings: Mapping[str, str],
    *,
    limiter: Limiter | None = None,
    sleep: Sleep = time.sleep,
    clock: Clock = utc_now,
) -> VendorConnector:
    """The connector of that kind: `connectors/<kind>.py`, built by its function `connect`.

    Raises ConfigurationError for an unknown kind or a missing setting. Makes no call.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", kind) or kind == "base":
        raise ConfigurationError(f"There is no connector called `{kind}`.")
    try:
        module = importlib.import_module(f"connectors.{kind}")
    except ModuleNotFoundError as error:
        if error.name != f"connectors.{kind}":
            raise
        raise ConfigurationError(f"There is no connector called `{kind}`.") from None
    if not hasattr(module, "connect"):
        raise ConfigurationError(f"There is no connector called `{kind}`.")
    limiter = limiter if limiter is not None else NullLimiter()
    connector = module.connect(settings, limiter=limiter, sleep=sleep, clock=clock)
    return cast("VendorConnector", connector)
