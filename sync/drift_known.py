"""Fields that had drifted when a run last looked, as the state keeps them. Reads only."""

from __future__ import annotations

from dataclasses import asdict

from mappings.drift import Drift, DriftKind
from mappings.records import Side
from state import schemas
from state.schemas import StoredDrift
from state.store import Tx

_NAME = ("side", "object", "field", "kind")


def known_drifts(tx: Tx, map_system: str) -> list[Drift]:
    """Every drift, those that have healed and are being caught up with included, oldest first.
    `map_system` is the connector kind of the MAP side.
    """
    return [drift_of(one, map_system) for one in schemas.drifts(tx)]


def drift_of(stored: StoredDrift, map_system: str) -> Drift:
    """The drift a row of the state keeps."""
    details = {**stored.details, "at": tuple(stored.details["at"])}
    return Drift(
        Side.MAP if stored.system == map_system else Side.CRM,
        stored.object,
        stored.field,
        DriftKind(stored.kind),
        **{**details, "rules": tuple(details["rules"])},
    )


def details_of(drift: Drift) -> dict[str, object]:
    """What the state keeps of a drift besides its name."""
    return {name: value for name, value in asdict(drift).items() if name not in _NAME}
