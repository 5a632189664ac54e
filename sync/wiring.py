"""The one place where things are constructed: config in, connected pairs out.

Everything else is handed what it needs. `open_pair` binds a state to the vendor accounts it was
first used with and refuses any other (sandbox copies of an org keep production's record ids).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.base import VendorConnector, load
from mappings.errors import ConfigurationError
from mappings.ports import AccountInfo
from mappings.records import Side
from mappings.required_fields import fields_to_read, required_fields
from state import identity, runs
from state.open import open_store
from state.store import Store
from sync.config import Config, PairConfig, SystemConfig
from sync.crash import crashpoint
from sync.doctor import same_account
from sync.limits import AccountLimiter
from sync.pair import Pair, Progress


def utc_now() -> datetime:
    """The business clock of production."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clocks:
    """The business clock; tests and the demo bring their own."""

    now: Callable[[], datetime] = utc_now


def open_state(config: Config, pair: PairConfig, clocks: Clocks | None = None) -> Store:
    """The state of a pair, created or migrated to this version first."""
    now = (clocks or Clocks()).now
    return open_store(config.state_url, clock=now, tenant=config.tenant, pair=pair.name)


def connect(
    system: SystemConfig, store: Store | None, clocks: Clocks | None = None
) -> VendorConnector:
    """A connector to one system, paced by its account's limiter where a state is given."""
    now = (clocks or Clocks()).now
    limiter = None
    if store is not None:
        limiter = AccountLimiter(system.kind, system.leadloop_share, store, now)
    return load(system.kind, system.settings, limiter=limiter)


@contextlib.contextmanager
def open_pair(
    config: Config,
    pair: PairConfig,
    store: Store,
    *,
    clocks: Clocks | None = None,
    progress: Progress | None = None,
) -> Iterator[Pair]:
    """A connected pair, its accounts verified.

    Raises AuthenticationError, UnavailableError, or ConfigurationError for an account that is not
    the configured or the bound one, and for key fields that do not exist yet.
    """
    map_side = connect(pair.map_system, store, clocks)
    crm_side = connect(pair.crm_system, store, clocks)
    try:
        reads = fields_to_read(pair.mapping)
        map_side.configure(reads[Side.MAP])
        crm_side.configure(reads[Side.CRM])
        ourselves = crm_side.check()
        accounts = {
            Side.MAP: _verified(store, pair.map_system, map_side.check()),
            Side.CRM: _verified(store, pair.crm_system, ourselves),
        }
        with store.read() as tx:
            live = runs.approved(tx, f"live:{pair.mapping.hash}")
        if not live:
            _need_fields(pair, {Side.MAP: map_side, Side.CRM: crm_side})
        crm_side.set_backfill(on=not live)
        yield Pair(
            name=pair.name,
            mapping=pair.mapping,
            store=store,
            map_side=map_side,
            crm_side=crm_side,
            namespace=f"{accounts[Side.MAP]}:{accounts[Side.CRM]}",
            config_hash=config.hash,
            matching=config.matching,
            guard=config.guard,
            region=pair.region,
            clock=(clocks or Clocks()).now,
            progress=progress or Progress(),
            integration_user=ourselves.user_id,
        )
    finally:
        map_side.close()
        crm_side.close()


def _verified(store: Store, system: SystemConfig, info: AccountInfo) -> str:
    """The account's id, if it is the configured one and the one this state belongs to."""
    if system.account_id is not None and not same_account(info.account_id, system.account_id):
        raise ConfigurationError(
            f"the credentials of `{system.name}` belong to another account than `account_id` says",
            code="config.account_mismatch",
            remedy="Correct `account_id` or the credentials in config.yaml.",
        )
    with store.begin() as tx:
        bound = identity.bind_account(tx, system.kind, info.account_id)
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
