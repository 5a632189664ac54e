"""Calls people, through Apprise: once when a state begins, once when it is over.

What is to be said is decided in `sync.conditions`; this is the effect. What people were told is in
the state, so that a restart repeats nothing; a message that did not go out is tried again later, is
named in `leadloop status`, and never fails a run. The only module that knows Apprise.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from mappings.errors import LeadloopError
from state import learned, outbox, quota, runs, trouble
from state.store import Store
from state.trouble import Alert
from sync.conditions import (
    CONFIGURATION,
    GOOD,
    Condition,
    Facts,
    Message,
    Severity,
    compare,
    conditions,
    refused_configuration,
)
from sync.counted import counted_of
from sync.crash import crashpoint
from sync.drift_known import known_drifts
from sync.pair import Say, Tell

if TYPE_CHECKING:
    from sync.config import Config, PairConfig
    from sync.config_service import Staff
    from sync.mailing import Letter

log = structlog.get_logger("leadloop.alerts")

Sender = Callable[[Message], bool]
"""Sends one message to everybody; whether it reached all of them. Does not raise."""
Mail = Sender | None
"""None where nobody is to be told: what begins is kept as untold, and told once somebody is."""
LOOKED_BACK = 200
"""Runs looked through for the last one that went through."""


@dataclass(frozen=True, slots=True)
class Apprise:
    """Sends to every address of `notifications:` in config.yaml."""

    addresses: Sequence[str]

    def __call__(self, message: Message) -> bool:
        """Send to all; one that fails does not keep the others from theirs."""
        reached = [send(address, message) for address in self.addresses]
        return all(reached)


def send(address: str, message: Message) -> bool:
    """Send one message to one Apprise address, in this thread and with the plug-in's own time-outs.
    Whatever goes wrong there is False: plug-ins speak with dozens of services and raise what those
    give them.
    """
    import apprise

    with contextlib.suppress(Exception):
        service = apprise.Apprise.instantiate(address)
        if service is not None:
            kind = message.severity.value
            return bool(service.notify(title=message.title, body=message.body, notify_type=kind))
    return False


def post(address: str, letter: Letter) -> bool:
    """Send a report to one Apprise address; pictures are parts of an e-mail, attachments elsewhere.
    As with `send`, whatever goes wrong is False.
    """
    import apprise
    from apprise.conversion import convert_between

    with contextlib.suppress(Exception), tempfile.TemporaryDirectory(prefix="leadloop_") as folder:
        files = []
        for name, image in letter.images.items():
            files.append(str(Path(folder) / name))
            Path(files[-1]).write_bytes(image)
        service = apprise.Apprise.instantiate(with_pictures_inside(address))
        if service is not None:
            page = convert_between(  # type: ignore[no-untyped-call]  # Apprise's own
                "html", service.notify_format, letter.page
            )
            attached = apprise.AppriseAttachment(files) if files else None
            return bool(service.notify(title=letter.title, body=page, attach=attached))
    return False


def with_pictures_inside(address: str) -> str:
    """An e-mail's address such that pictures are shown where the page has them (Apprise's
    `inline`); any other as it is."""
    if not address.startswith(("mailto://", "mailtos://")) or "inline=" in address:
        return address
    return f"{address}{'&' if '?' in address else '?'}inline=yes"


def watch(
    config: Config,
    pair: PairConfig,
    store: Store,
    *,
    trouble: LeadloopError | None = None,
    sender: Sender | None = None,
) -> None:
    """Look at how a pair stands and tell people what has changed, after a run or with the `trouble`
    that kept one from starting. Where no address is configured nothing counts as told: whoever is
    configured later is told of what still goes on. Raises nothing that `LeadloopError` covers.
    """
    send_all = sender or (Apprise(config.notifications) if config.notifications else None)
    accounts = {f"vendor:{system.name}" for system in (pair.map_system, pair.crm_system)}
    try:
        found = conditions(facts_of(config, pair, store, trouble))
        own, shared = store.for_pair(pair.name), store.for_pair(quota.SHARED)
        _tell(own, [one for one in found if not one.shared], pair.name, send_all)
        _tell(shared, [one for one in found if one.shared], "", send_all, only=accounts)
    except LeadloopError as error:
        log.warning("alert.failed", pair=pair.name, code=error.code)


def watch_configuration(
    config: Config, store: Store, refused: LeadloopError | None, *, sender: Sender | None = None
) -> None:
    """Tell people, once, that changed files were `refused` and a daemon goes on with the last good
    ones; and when that is over. Raises nothing that `LeadloopError` covers.
    """
    send_all = sender or (Apprise(config.notifications) if config.notifications else None)
    found = [refused_configuration(refused)] if refused is not None else []
    try:
        _tell(store.for_pair(quota.SHARED), found, "", send_all, only={CONFIGURATION})
    except LeadloopError as error:
        log.warning("alert.failed", code=error.code)


def facts_of(
    config: Config, pair: PairConfig, store: Store, trouble: LeadloopError | None = None
) -> Facts:
    """What the state knows of a pair's troubles."""
    with store.read() as tx:
        waiting = learned.waiting(tx)
        past = [run for run in runs.latest(tx, limit=LOOKED_BACK) if run.finished_at is not None]
        ended = [run for run in past if run.kind != "plan" and run.status != "interrupted"]
        return Facts(
            pair=pair.name,
            now=tx.now,
            accounts=quota.accounts(tx, [pair.map_system.name, pair.crm_system.name]),
            last_run=ended[0] if ended else None,
            last_good=next((run.finished_at for run in ended if run.status in GOOD), None),
            dead_letters=outbox.dead_count(tx),
            most_dead_letters=config.guard.dead_letters,
            fast=config.schedule.fast,
            trouble=trouble,
            drifts=known_drifts(tx, pair.map_system.kind),
            counted=counted_of(tx),
            new_model=waiting.told if waiting is not None else None,
        )


def _tell(
    store: Store,
    now: Sequence[Condition],
    scope: str,
    sender: Mail,
    *,
    only: set[str] | None = None,
) -> None:
    """Compare, keep, send, keep what came of it. `only` are the keys this pair may speak of.

    Without a sender a state that is over and was told of in better days stays until somebody can
    be told so.
    """
    with store.begin() as tx:
        told = [one for one in trouble.alerts(tx) if only is None or one.key in only]
        change = compare(told, now, scope=scope, at=tx.now)
        trouble.keep_alerts(tx, change.kept, change.gone)
        if sender is None:
            return
        # Until they are known to have gone out they count as failed: another pair of the same
        # account leaves them alone, and after a kill they are tried again.
        trouble.keep_alerts(tx, [replace(m.alert, failed_at=tx.now) for m in change.messages])
    crashpoint("after_alerts")
    for message in change.messages:
        reached = sender(message)
        alert = message.alert
        log.info("alert.sent" if reached else "alert.failed", code=alert.code)
        with store.begin() as tx:
            if not reached:
                trouble.keep_alerts(tx, [replace(alert, failed_at=tx.now)])
            elif message.severity is Severity.OVER:
                trouble.keep_alerts(tx, [], [alert.key])
            else:
                trouble.keep_alerts(tx, [replace(alert, told_at=tx.now, failed_at=None)])
        crashpoint("after_alerts")


def tell(addresses: Sequence[str], staff: Staff, at: Callable[[], datetime]) -> Tell:
    """How notices of handoffs reach people: each by an address of their own where `staff` has one,
    else by the addresses that alerts go to, where there are any."""

    def whom(email: str | None) -> Say | None:
        own = staff.address_of(email) if email else None
        chosen = Apprise((own,) if own is not None else addresses)
        if not chosen.addresses:
            return None
        return lambda title, body: chosen(
            Message(Alert("handoff", "alert.handoff", at()), title, body, Severity.NOTICE)
        )

    return whom


def trial(at: datetime) -> Message:
    """What `leadloop doctor --test-alert` sends."""
    return Message(
        Alert("trial", "alert.trial", at),
        "Leadloop alert.trial",
        "This is a trial: alerts of Leadloop reach this address.",
        Severity.OVER,
    )


def addresses(config: Config) -> Iterator[tuple[str, str]]:
    """Each configured address with a name for it that holds no secret: its place and its scheme."""
    for number, address in enumerate(config.notifications, start=1):
        yield f"notification {number} ({address.partition(':')[0]})", address
