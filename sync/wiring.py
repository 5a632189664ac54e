"""The one place where things are constructed: config in, connected pairs out.

Everything else is handed what it needs. `open_pair` binds a state to the vendor accounts it was
first used with and refuses any other (sandbox copies of an org keep production's record ids).
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from connectors.base import VendorConnector, load
from mappings.errors import PASSING, ConfigurationError, LeadloopError
from mappings.ports import AccountInfo, Lane
from mappings.records import Side
from mappings.required_fields import fields_to_read, required_fields
from state import identity, quota, runs, tombstones
from state.open import open_store
from state.store import Store, Tx
from sync import alerts
from sync.approvals import live_subject
from sync.config import Config, PairConfig, SystemConfig
from sync.crash import crashpoint
from sync.doctor import same_account
from sync.erasure.files import ErasureFiles
from sync.erasure.find import Ground
from sync.erasure.later import catch_up, missing
from sync.erasure.screen import ErasureScreen
from sync.limits import AccountLimiter, Accounts, Turn
from sync.pair import Pair, Progress


def utc_now() -> datetime:
    """The business clock of production."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clocks:
    """The business clock, the one that waits and time-outs go by, and the one that all processes
    on a state pace their calls by; tests and the demo bring their own.
    """

    now: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    shared: Callable[[Tx], float] = quota.database_seconds

    def accounts(self, store: Store) -> Accounts:
        """The limiters of a process, on these clocks."""
        return Accounts(store, self.now, self.monotonic, self.sleep, self.shared)


def open_state(config: Config, pair: PairConfig, clocks: Clocks | None = None) -> Store:
    """The state of a pair, created or migrated to this version first, erased people kept out."""
    now = (clocks or Clocks()).now
    store = open_store(config.state_url, clock=now, tenant=config.tenant, pair=pair.name)
    try:
        return screened(config, pair, store)
    except BaseException:
        store.close()
        raise


def screened(config: Config, pair: PairConfig, store: Store) -> Store:
    """The state as the pair sees it, with its screen. One that was restored from an older backup
    forgets first whom it had forgotten before, unless another process holds it, which does that
    itself. Raises StateError where people were erased and the key is not there.
    """
    ground = Ground(pair.mapping, pair.map_system.kind, pair.region)
    own = store.for_pair(pair.name)
    with own.read() as tx:
        digests = tombstones.digests(tx)
    own = replace(own, screen=ErasureScreen(ground, ErasureFiles(config.erasure.folder), digests))
    if missing(own):
        if own.fence.token is not None:
            catch_up(own)
        elif own.holder() is None:
            with own.exclusive():
                catch_up(own)
    return own


def connect(
    system: SystemConfig,
    turn: Turn | None = None,
    clocks: Clocks | None = None,
    *,
    events: Sequence[str] = (),
) -> VendorConnector:
    """A connector to one system, held to its account's limits where it is given a turn. `events`
    are the custom events it is to read, by name."""
    sleep = (clocks or Clocks()).sleep
    settings = {**system.settings, **({"custom_events": ",".join(events)} if events else {})}
    return load(system.kind, settings, limiter=turn, sleep=sleep)


def _connectors(
    pair: PairConfig, turns: Mapping[Side, Turn], clocks: Clocks
) -> dict[Side, VendorConnector]:
    events = pair.mapping.pulled_events
    return {
        Side.MAP: connect(pair.map_system, turns[Side.MAP], clocks, events=events),
        Side.CRM: connect(pair.crm_system, turns[Side.CRM], clocks),
    }


@contextlib.contextmanager
def open_pair(
    config: Config,
    pair: PairConfig,
    store: Store,
    *,
    clocks: Clocks | None = None,
    progress: Progress | None = None,
    accounts: Accounts | None = None,
) -> Iterator[Pair]:
    """A connected pair, its accounts verified.

    A side that cannot be reached, or refuses us, is marked as such where the other can do without:
    once a mapping is live. Then its account is the bound one, and it is not called before it was
    verified by a later connection. `accounts` are the process's limiters; none makes new ones.

    Raises AuthenticationError, UnavailableError and the like where no side can be used or the pair
    is not live yet, and ConfigurationError for an account that is not the configured or the bound
    one, and for key fields that do not exist yet.
    """
    clocks = clocks or Clocks()
    accounts = accounts or clocks.accounts(store)
    with store.read() as tx:
        live = runs.approved(tx, live_subject(pair.mapping.hash))
    turns = _turns(accounts, pair, live=live)
    sides = _connectors(pair, turns, clocks)
    try:
        reads = fields_to_read(pair.mapping)
        for side, connector in sides.items():
            connector.configure(reads[side])
        checked = _checked(pair, store, sides, live=live)
        if not live:
            _need_fields(pair, sides)
        sides[Side.CRM].set_backfill(on=not live)
        yield Pair(
            name=pair.name,
            mapping=pair.mapping,
            store=store,
            map_side=sides[Side.MAP],
            crm_side=sides[Side.CRM],
            namespace=f"{checked.ids[Side.MAP]}:{checked.ids[Side.CRM]}",
            config_hash=config.hash,
            matching=config.matching,
            guard=config.guard,
            region=pair.region,
            clock=clocks.now,
            progress=progress or Progress(),
            integration_user=checked.crm_user,
            turns=turns,
            unreachable=checked.unreachable,
            watch=functools.partial(alerts.watch, config, pair, store),
            tell=alerts.tell(config.notifications, config.staff, clocks.now),
            hold_deletions=timedelta(seconds=config.schedule.hold_deletions),
            nightly=config.schedule.nightly,
            follow_erasures=config.erasure.follow,
        )
    finally:
        for connector in sides.values():
            connector.close()


def insisting(accounts: Accounts, system: SystemConfig) -> Turn:
    """A turn at an account for a person who wants to know how the vendor stands now."""
    turn = _limiter(accounts, system).turn(Lane.CONSENT)
    turn.insists = True
    return turn


def _turns(accounts: Accounts, pair: PairConfig, *, live: bool) -> dict[Side, Turn]:
    """A place at both accounts; before a pair is live, all its work is backfill."""
    lane = Lane.INCREMENTAL if live else Lane.BACKFILL
    systems = {Side.MAP: pair.map_system, Side.CRM: pair.crm_system}
    return {side: _limiter(accounts, system).turn(lane) for side, system in systems.items()}


def _limiter(accounts: Accounts, system: SystemConfig) -> AccountLimiter:
    return accounts.of(system.name, system.kind, system.leadloop_share)


@dataclass(frozen=True, slots=True)
class _Checked:
    """Who the two accounts are, and which of them could not be asked."""

    ids: Mapping[Side, str]
    crm_user: str | None
    unreachable: Mapping[Side, LeadloopError]


def _checked(
    pair: PairConfig, store: Store, sides: Mapping[Side, VendorConnector], *, live: bool
) -> _Checked:
    """Ask both accounts who they are; the CRM first, as it tells who we are."""
    ids: dict[Side, str] = {}
    user: str | None = None
    unreachable: dict[Side, LeadloopError] = {}
    for side, system in ((Side.CRM, pair.crm_system), (Side.MAP, pair.map_system)):
        try:
            info = sides[side].check()
        except PASSING as error:
            with store.read() as tx:
                bound = identity.bound_account(tx, system.kind)
            if not live or bound is None or unreachable:
                raise
            ids[side], unreachable[side] = bound, error
            continue
        ids[side] = _verified(store, system, info)
        if side is Side.CRM:
            user = info.user_id
    return _Checked(ids, user, unreachable)


def _verified(store: Store, system: SystemConfig, info: AccountInfo) -> str:
    """The account's id, if it is the configured one and the one this state belongs to."""
    if system.account_id is not None and not same_account(info.account_id, system.account_id):
        raise ConfigurationError(
            f"the credentials of `{system.name}` belong to another account than `account_id` says",
            code="config.account_mismatch",
            remedy="Correct `account_id` or the credentials in config.yaml.",
        )
    with store.begin() as tx:
        bound = identity.bind_account(tx, system.kind, info.account_id, user_id=info.user_id)
    crashpoint("after_bind")
    if bound != info.account_id:
        raise ConfigurationError(
            f"this state belongs to another {system.kind} account than `{system.name}` is",
            code="config.account_mismatch",
            remedy="Point config.yaml back at that account, or give this one a state of its own "
            "(`state:` in config.yaml).",
        )
    return info.account_id


def _need_fields(pair: PairConfig, sides: Mapping[Side, VendorConnector]) -> None:
    """Leadloop's own fields must exist before the first plan: without keys no write is safe."""
    missing: list[str] = []
    for side, definitions in required_fields(pair.mapping).items():
        described: dict[str, frozenset[str]] = {}
        for definition in definitions:
            name = "Task" if definition.object == "Activity" else definition.object
            if name not in described:
                described[name] = frozenset(sides[side].describe(name).fields)
            if definition.name not in described[name]:
                missing.append(f"{definition.object}.{definition.name}")
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if missing[5:] else "")
        raise ConfigurationError(
            f"{len(missing)} fields that Leadloop needs are missing: {shown}",
            code="config.missing_fields",
            remedy="Run `leadloop doctor --fix`: it creates them, or prints the steps.",
        )
