"""How the fields of a stored row are shown: defaults for what is not kept, compounds made."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.salesforce.fields import Field, Row

Getter = Callable[[Row], object]
_PARTS = (
    ("city", "City"), ("country", "Country"), ("geocodeAccuracy", "GeocodeAccuracy"),
    ("latitude", "Latitude"), ("longitude", "Longitude"), ("postalCode", "PostalCode"),
    ("state", "State"), ("street", "Street"),
)  # fmt: skip


def getter(field: Field) -> Getter:
    """A function from a row to the value the API shows for `field`."""
    name = field.name
    if field.type == "boolean":
        return lambda row: row.get(name, False)
    if field.type == "address":
        return _address(name.removesuffix("Address"))
    if name == "PhotoUrl":
        return lambda row: f"/services/images/photo/{row['Id']}"
    if not field.nillable and not field.createable and field.default is not None:
        default = field.default
        return lambda row: row.get(name, default)
    return lambda row: row.get(name)


def _address(prefix: str) -> Getter:
    parts = tuple((key, prefix + suffix) for key, suffix in _PARTS)

    def compound(row: Row) -> object:
        values = {key: row.get(name) for key, name in parts}
        return values if any(value is not None for value in values.values()) else None

    return compound
