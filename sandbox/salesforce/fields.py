"""Fields and objects as describe shows them, and the table notation they are declared in.

A declaration line reads `Name | Label | type size | flags | options`: flags are C (createable),
U (updateable), N (nillable), D (defaulted on create), each as the vendor's describe uses it; size
is a length, or precision.scale for numbers. Options: `ref=Account,Contact`, `rel=Account`,
`in=Address` (part of a compound), `extra=personname`, `idlookup`, `namefield`, `restricted`,
`noperm` (no field-level security), `default=...` (`~` for a space), and last `pick=A;B;C`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

Value = str | int | float | bool | None
Row = dict[str, Value]

NUMBERS = frozenset({"double", "currency", "percent"})
TEXTS = frozenset(
    {"string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "combobox"}
)
_LONG_TEXT = 255
_SYSTEM_REFERENCES = frozenset({"MasterRecordId", "OwnerId", "CreatedById", "LastModifiedById"})
_SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
    "anyType": "xsd:anyType",
    "complexvalue": "tns:complexvalue",
}


_UNUSED: dict[str, object] = {
    "autoNumber": False,
    "calculatedFormula": None,
    "cascadeDelete": False,
    "controllerName": None,
    "defaultValueFormula": None,
    "dependentPicklist": False,
    "deprecatedAndHidden": False,
    "displayLocationInDecimal": False,
    "encrypted": False,
    "filteredLookupInfo": None,
    "highScaleNumber": False,
    "htmlFormatted": False,
    "mask": None,
    "maskType": None,
    "referenceTargetField": None,
    "relationshipOrder": None,
    "restrictedDelete": False,
    "writeRequiresMasterRead": False,
}
"""Keys of a field in describe that say the same of every field of this org."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object; the names are describe's, in our spelling."""

    name: str
    label: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    createable: bool = False
    updateable: bool = False
    nillable: bool = False
    defaulted: bool = False
    reference_to: tuple[str, ...] = ()
    relationship: str | None = None
    compound: str | None = None
    extra: str | None = None
    picklist: tuple[str, ...] = ()
    restricted: bool = False
    default: Value = None
    custom: bool = False
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    id_lookup: bool = False
    name_field: bool = False
    permissionable: bool = True
    guarded: bool = False
    help: str | None = None
    calculated: bool = False

    @property
    def required(self) -> bool:
        """Whether a create without it is refused."""
        return self.createable and not self.nillable and not self.defaulted

    @property
    def is_long_text(self) -> bool:
        """Long text areas can be neither filtered, sorted nor grouped."""
        return self.type == "textarea" and self.length > _LONG_TEXT

    @property
    def is_text(self) -> bool:
        """Whether values are strings without a form of their own."""
        return self.type in TEXTS

    def describe(self) -> dict[str, object]:
        """The 55 keys of a field in describe (recorded, v42)."""
        long_text = self.is_long_text
        address = self.type == "address"
        many = len(self.reference_to) > 1
        return {
            **_UNUSED,
            "aggregatable": not (long_text or address or self.type == "boolean"),
            "byteLength": self.length if self.type in {"id", "reference"} else self.length * 3,
            "calculated": self.calculated,
            "caseSensitive": self.case_sensitive,
            "compoundFieldName": self.compound,
            "createable": self.createable,
            "custom": self.custom,
            "defaultValue": False if self.type == "boolean" else self._shown_default(),
            "defaultedOnCreate": self.defaulted,
            "digits": self.digits,
            "externalId": self.external_id,
            "extraTypeInfo": self.extra,
            "filterable": not long_text,
            "groupable": not (
                self.length > _LONG_TEXT or address or self.type in NUMBERS | {"datetime"}
            ),
            "idLookup": self.id_lookup,
            "inlineHelpText": self.help,
            "label": self.label,
            "length": self.length,
            "name": self.name,
            "nameField": self.name_field,
            "namePointing": many,
            "nillable": self.nillable,
            "permissionable": self.permissionable,
            "picklistValues": [self._option(value) for value in self.picklist],
            "polymorphicForeignKey": many,
            "precision": self.precision,
            "queryByDistance": address,
            "referenceTo": list(self.reference_to),
            "relationshipName": self.relationship,
            "restrictedPicklist": self.restricted,
            "scale": self.scale,
            "searchPrefilterable": (
                self.type == "reference" and not many and self.name not in _SYSTEM_REFERENCES
            ),
            "soapType": _SOAP.get(self.type, "xsd:string"),
            "sortable": not (long_text or address),
            "type": self.type,
            "unique": self.unique,
            "updateable": self.updateable,
        }

    def _shown_default(self) -> Value:
        """Only picklists that are defaulted on create show their default (recorded)."""
        return self.default if self.picklist and self.defaulted else None

    def _option(self, value: str) -> dict[str, object]:
        return {
            "active": True,
            "defaultValue": value == self._shown_default(),
            "label": value,
            "validFor": None,
            "value": value,
        }


@dataclass
class ObjectType:
    """One object: its fields in describe's order and what may be done with it."""

    name: str
    label: str
    plural: str
    prefix: str
    fields: dict[str, Field]
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    mergeable: bool = False
    searchable: bool = True
    undeletable: bool = True
    triggerable: bool = True
    replicateable: bool = True
    tooling: bool = False
    lowered: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lowered = {name.lower(): name for name in self.fields}

    def find(self, name: str) -> Field | None:
        """The field of that name in any case."""
        known = self.lowered.get(name.lower())
        return None if known is None else self.fields[known]

    def put(self, new: Field) -> None:
        """Add a field, or replace the one of that name."""
        self.fields[new.name] = new
        self.lowered[new.name.lower()] = new.name

    def drop(self, name: str) -> None:
        """Remove a field."""
        del self.fields[name]
        del self.lowered[name.lower()]


def parse_fields(table: str, shared: Mapping[str, tuple[str, ...]]) -> dict[str, Field]:
    """The fields a declaration table names, in its order; `pick=@name` refers to `shared`."""
    lines = (line.strip() for line in table.strip().splitlines())
    parsed = (_parse_line(line, shared) for line in lines if line)
    return {one.name: one for one in parsed}


def _parse_line(line: str, shared: Mapping[str, tuple[str, ...]]) -> Field:
    cells = [cell.strip() for cell in line.split("|")]
    name, label, kind = cells[0], cells[1], cells[2].split()
    flags = cells[3] if len(cells) > 3 else ""
    base = Field(
        name=name,
        label=label,
        type=kind[0],
        createable="C" in flags,
        updateable="U" in flags,
        nillable="N" in flags,
        defaulted="D" in flags,
        custom=name.endswith("__c"),
    )
    base = _sized(base, kind[1] if len(kind) > 1 else None)
    return _with_options(base, cells[4] if len(cells) > 4 else "", shared)


def _sized(base: Field, size: str | None) -> Field:
    if base.type in {"id", "reference"}:
        return replace(base, length=18)
    if base.type == "int":
        return replace(base, digits=int(size or 8))
    if base.type in NUMBERS:
        precision, _, scale = (size or "18.0").partition(".")
        return replace(base, precision=int(precision), scale=int(scale or 0))
    return replace(base, length=int(size or 0))


def _with_options(base: Field, options: str, shared: Mapping[str, tuple[str, ...]]) -> Field:
    head, _, picks = options.partition("pick=")
    changes: dict[str, object] = {}
    if picks:
        known = shared[picks[1:]] if picks.startswith("@") else tuple(picks.split(";"))
        changes["picklist"] = known
    for option in _words(head):
        key, _, value = option.partition("=")
        changes.update(_OPTIONS[key](value))
    default = changes.get("default")
    if isinstance(default, str) and base.type in NUMBERS | {"int"}:
        changes["default"] = float(default) if base.type in NUMBERS else int(default)
    return replace(base, **changes)  # type: ignore[arg-type]


def _words(text: str) -> Iterable[str]:
    return (word.replace("~", " ") for word in text.split())


_OPTIONS: dict[str, Callable[[str], dict[str, object]]] = {
    "ref": lambda value: {"reference_to": tuple(value.split(","))},
    "rel": lambda value: {"relationship": value},
    "in": lambda value: {"compound": value},
    "extra": lambda value: {"extra": value},
    "idlookup": lambda _: {"id_lookup": True},
    "namefield": lambda _: {"name_field": True},
    "restricted": lambda _: {"restricted": True},
    "noperm": lambda _: {"permissionable": False},
    "unique": lambda _: {"unique": True},
    "default": lambda value: {"default": {"true": True, "false": False}.get(value, value)},
}
