"""Asking a vendor for the history of fields, where it is an answer worth a call and nothing more.

Who asks goes on without it: a side that cannot be asked tells nothing, as a vendor that keeps no
history does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from mappings.errors import PASSING
from mappings.records import Side, Version
from sync.pair import Pair

log = structlog.get_logger("leadloop.histories")

Told = Mapping[tuple[str, str], tuple[Version, ...]]
"""The versions of fields, newest first, by (record id, field)."""


def histories(
    pair: Pair, side: Side, object_name: str, fields: Mapping[str, Sequence[str]]
) -> Told:
    """What fields (names by record id) have been; makes no call where none is asked for."""
    wanted = {record_id: names for record_id, names in fields.items() if names}
    if not wanted:
        return {}
    try:
        return pair.connector(side).versions(object_name, wanted)
    except PASSING as error:
        log.warning("history.unread", object=object_name, code=error.code)
        return {}
