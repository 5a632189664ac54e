"""The one way into the state: open it, bring it up to date, look whether it is sound."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from state import failures, schema
from state.database import open_engine, sqlite_path
from state.store import Store


def open_store(
    url: str, *, clock: Callable[[], datetime], tenant: str = "default", pair: str
) -> Store:
    """The store behind a state URL, created or migrated to this version first.

    Raises ConfigurationError for a URL that cannot be one, StateError (with a remedy, never a
    driver's own words) for a state that is damaged, newer than this version, not a Leadloop state,
    or out of reach. Nothing is changed in a state that is refused.
    """
    _refuse_emptied(url)
    engine = open_engine(url)
    try:
        schema.check(engine)
        schema.upgrade(engine)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, clock, tenant, pair)


def _refuse_emptied(url: str) -> None:
    """A file without a byte that has been held, or has a journal, was a state once: taking it for
    a new one would forget everything unasked.
    """
    path = sqlite_path(url)
    if path is None or not path.is_file() or path.stat().st_size:
        return
    beside = [path.with_name(path.name + ending) for ending in (".lock", "-wal", "-journal")]
    if any(file.exists() for file in beside):
        raise failures.named(failures.damaged(), path)
