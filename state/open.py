"""The one way into the state: open it, bring it up to date, look whether it is sound."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from state import schema
from state.database import open_engine
from state.store import Store


def open_store(
    url: str, *, clock: Callable[[], datetime], tenant: str = "default", pair: str
) -> Store:
    """The store behind a state URL, created or migrated to this version first.

    Raises ConfigurationError for a URL that cannot be one, StateError (with a remedy, never a
    driver's own words) for a state that is damaged, newer than this version, not a Leadloop state,
    or out of reach. Nothing is changed in a state that is refused.
    """
    engine = open_engine(url)
    try:
        schema.check(engine)
        schema.upgrade(engine)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, clock, tenant, pair)
