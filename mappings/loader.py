"""Loads a pair's mapping files: YAML in, a complete `PairMapping` out, or every fault at once.

A mapping is one file or a directory whose `*.yaml` files are read in name order and count as
one. `load_mapping` fills in every default, so that the stages never ask what an absent key means,
and raises ConfigurationError with all problems of all files, each with its place and its fix.

`mappings/presets/` holds the format with comments; every key is listed in `TOP_KEYS`, `OBJECT_KEYS`
and `RULE_KEYS`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from mappings.contract_loader import CONTRACT_KEYS, load_contract
from mappings.errors import Position
from mappings.fieldmap import (
    NAMED_KINDS,
    ActivityForm,
    ConsentRule,
    ObjectMapping,
    OutcomeFact,
    OutcomeRule,
    PairMapping,
    TouchSource,
)
from mappings.loading import Loading, Schemas
from mappings.mapping_checks import check_pair
from mappings.object_loader import load_object
from mappings.positions import Faults, read_document, suggest
from mappings.record_ids import id18
from mappings.records import EventKind
from mappings.rule_loader import load_table
from mappings.sections import Section, choose, wrong

FORMAT = 1
"""The version of the format this code reads."""

TOP_KEYS = (
    "format",
    "go_live",
    "objects",
    "activities",
    "consent",
    "outcomes",
    "campaigns",
    "custom_events",
    "touches",
    "tables",
    *CONTRACT_KEYS,
)

DEFAULT_ACTIVITIES: Mapping[EventKind, ActivityForm] = {
    **dict.fromkeys(EventKind, ActivityForm.ROLLUP),
    EventKind.FORM_FILL: ActivityForm.TASK,
    EventKind.EMAIL_OTHER: ActivityForm.OFF,
    EventKind.CUSTOM: ActivityForm.OFF,
}

_CUSTOM_EVENT = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
"""The full name of an event type, such as `pe1234567_demo_watched`; assumed: no longer."""
_CAMPAIGN_ID = re.compile(r"701[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")  # FACTS section 4, Objects


def load_mapping(
    path: Path, *, schemas: Schemas | None = None, base: Path | None = None
) -> PairMapping:
    """The mapping in a file or directory.

    With `schemas` (object name to ObjectSchema, by side) every field is checked against what the
    vendors describe; without, against the vendors' standard fields as far as they can tell.
    Messages name files relative to `base` where they lie below it. Raises ConfigurationError.
    """
    faults = Faults()
    mapping = read_mapping(path, faults, schemas=schemas, base=base)
    faults.stop("The mapping cannot be used")
    return mapping


def read_mapping(
    path: Path, faults: Faults, *, schemas: Schemas | None = None, base: Path | None = None
) -> PairMapping:
    """As `load_mapping`, with faults recorded; the result is of use only when there are none."""
    roots = [read_document(f, faults, name=_label(f, base)) for f in mapping_files(path)]
    tops = [Section(root, faults, "a mapping file", TOP_KEYS) for root in roots]
    reading = _Reading(Loading(faults, schemas, _tables(tops)))
    for top in tops:
        reading.file(top)
    return reading.finish(Position(_label(path, base), 1, 1))


def mapping_files(path: Path) -> list[Path]:
    """The files a mapping consists of, in the order they are read."""
    if not path.is_dir():
        return [path]
    return sorted(p for p in path.iterdir() if p.suffix in {".yaml", ".yml"} and p.is_file())


def _tables(tops: Sequence[Section]) -> dict[str, dict[str, str]]:
    """The picklist tables of all files: a rule may name one of another file."""
    found: dict[str, dict[str, str]] = {}
    for top in tops:
        for name, at, node in top.entries("tables"):
            if name in found:
                top.faults.add(
                    at, f"The table `{name}` is already given.", "Keep one of the two.",
                    code="config.duplicate_rule",
                )  # fmt: skip
                continue
            found[name] = load_table(node, top.faults, f"The table `{name}`")
    return found


def _label(path: Path, base: Path | None) -> str:
    if base is not None and path.is_relative_to(base):
        return str(path.relative_to(base))
    return str(path)


class _Reading:
    """Gathers what the files of one mapping say."""

    def __init__(self, loading: Loading) -> None:
        self._loading = loading
        self._faults = loading.faults
        self._objects: dict[str, ObjectMapping] = {}
        self._activities: dict[EventKind, tuple[ActivityForm, Position]] = {}
        self._consent: list[ConsentRule] = []
        self._outcomes: dict[OutcomeFact, OutcomeRule] = {}
        self._campaigns: dict[str, str] = {}
        self._custom: dict[str, tuple[ActivityForm, Position]] = {}
        self._touches: set[TouchSource] = set()
        self._go_live: tuple[datetime, Position] | None = None
        self._tops: list[Section] = []

    def file(self, top: Section) -> None:
        self._tops.append(top)
        self._format(top)
        for name, at, node in top.entries("objects"):
            if name in self._objects:
                self._twice(at, f"The object mapping `{name}`", self._objects[name].at)
            else:
                self._objects[name] = load_object(name, node, self._loading)
        self._read_activities(top)
        self._read_consent(top)
        self._read_outcomes(top)
        self._read_campaigns(top)
        self._read_custom(top)
        for node in top.items("touches"):
            source = choose(self._faults, node, "an item of `touches`", TouchSource)
            self._touches |= {source} if source is not None else set()
        self._read_go_live(top)

    def finish(self, start: Position) -> PairMapping:
        if not self._tops:
            self._faults.add(
                start, "The mapping directory holds no *.yaml file.",
                "Run `leadloop init`, or copy a preset into it.", code="config.missing_mapping",
            )  # fmt: skip
        elif not self._objects and not self._faults.problems:
            self._faults.add(
                start, "The mapping names no objects.",
                "Add `objects:` with at least one object mapping.", code="config.missing_key",
            )  # fmt: skip
        mapping = PairMapping(
            objects=tuple(self._objects.values()),
            activities=dict(DEFAULT_ACTIVITIES)
            | {kind: form for kind, (form, _) in self._activities.items()}
            | self._rolled_up(),
            consent=tuple(self._consent),
            outcomes=tuple(self._outcomes.values()),
            campaigns=self._campaigns,
            go_live=self._go_live[0] if self._go_live else None,
            hash="",
            custom_events={name: form for name, (form, _) in self._custom.items()},
            touches=frozenset(self._touches),
            contract=load_contract(
                self._tops,
                self._objects,
                self._loading,
                has_go_live=self._go_live is not None,
            ),
        )
        places = {kind.value: (form, at) for kind, (form, at) in self._activities.items()}
        check_pair(mapping, places | self._custom, self._loading)
        return _stamped(mapping)

    def _twice(self, at: Position, what: str, first: Position) -> None:
        self._faults.add(
            at, f"{what} is already given at {first}.", "Keep one of the two.",
            code="config.duplicate_rule",
        )  # fmt: skip

    def _format(self, top: Section) -> None:
        if top.need("format", f"Begin the file with `format: {FORMAT}`."):
            node = top.node("format")
            if node is not None and (node.value is True or node.value != FORMAT):
                self._faults.add(
                    node.at, f"This is format `{node.text}`; this version reads format {FORMAT}.",
                    f"Write `format: {FORMAT}`.", code="config.format",
                )  # fmt: skip

    def _read_activities(self, top: Section) -> None:
        for name, at, node in top.entries("activities"):
            if name not in NAMED_KINDS:
                self._faults.add(
                    at, f"`{name}` is no kind of event.",
                    suggest(
                        name, NAMED_KINDS,
                        f"Use one of: {', '.join(NAMED_KINDS)}. Custom events stand by their name"
                        " under `custom_events`.",
                    ),
                    code="config.unknown_key",
                )  # fmt: skip
                continue
            kind = EventKind(name)
            form = choose(self._faults, node, f"`{name}`", ActivityForm)
            if kind in self._activities:
                self._twice(at, f"The activity `{name}`", self._activities[kind][1])
            elif form is not None:
                self._activities[kind] = (form, node.at)

    def _read_consent(self, top: Section) -> None:
        for item in top.items("consent"):
            section = Section(item, self._faults, "a consent rule", ("crm", "subscription"))
            if not section.need("crm", "Name the CRM flag, such as HasOptedOutOfEmail."):
                continue
            crm = self._loading.crm_names(section, "crm", ("Lead", "Contact"))
            subscription = section.text("subscription", "all")
            if subscription != "all" and not (subscription.isascii() and subscription.isdigit()):
                self._faults.add(
                    section.place("subscription"),
                    f"`{subscription}` is no subscription type's number.",
                    "Write `all`, or the id HubSpot gives the type (Settings > Marketing > Email > "
                    "Subscription types), such as 9714480.",
                    code="config.invalid_id",
                )
                continue
            rule = ConsentRule(crm, None if subscription == "all" else subscription, item.at)
            same = next((c for c in self._consent if c.subscription == rule.subscription), None)
            if same is not None:
                self._twice(item.at, f"Consent for `{subscription}`", same.at)
            else:
                self._consent.append(rule)

    def _read_outcomes(self, top: Section) -> None:
        facts = [fact.value for fact in OutcomeFact]
        for name, at, node in top.entries("outcomes"):
            if name not in facts:
                self._faults.add(
                    at, f"`{name}` is no outcome.",
                    suggest(name, facts, f"Use one of: {', '.join(facts)}."),
                    code="config.unknown_key",
                )  # fmt: skip
            elif not isinstance(node.value, str):
                wrong(self._faults, node, f"`{name}`", "the name of a MAP contact property")
            elif OutcomeFact(name) in self._outcomes:
                self._twice(at, f"The outcome `{name}`", self._outcomes[OutcomeFact(name)].at)
            else:
                fact = OutcomeFact(name)
                self._outcomes[fact] = OutcomeRule(fact, node.text, node.at)

    def _read_campaigns(self, top: Section) -> None:
        for name, at, node in top.entries("campaigns"):
            if not _CAMPAIGN_ID.fullmatch(node.text):
                self._faults.add(
                    node.at, f"`{node.text}` is no Salesforce Campaign id.",
                    "Use the 15 or 18 characters that begin with 701.", code="config.invalid_id",
                )  # fmt: skip
            elif name in self._campaigns:
                self._faults.add(
                    at, f"The campaign `{name}` is already given.", "Keep one of the two.",
                    code="config.duplicate_rule",
                )  # fmt: skip
            else:
                self._campaigns[name] = id18(node.text)

    def _read_custom(self, top: Section) -> None:
        for name, at, node in top.entries("custom_events"):
            form = choose(self._faults, node, f"`{name}`", ActivityForm)
            if not _CUSTOM_EVENT.fullmatch(name):
                self._faults.add(
                    at, f"`{name}` is no name of a custom event.",
                    "Use the internal name HubSpot gives it (Data Management > Event Management), "
                    "such as pe1234567_demo_watched.",
                    code="config.invalid_id",
                )  # fmt: skip
            elif name in self._custom:
                self._twice(at, f"The custom event `{name}`", self._custom[name][1])
            elif form is not None:
                self._custom[name] = (form, node.at)

    def _rolled_up(self) -> dict[EventKind, ActivityForm]:
        """Custom events as a kind: roll-ups where any of them is."""
        forms = {form for form, _ in self._custom.values()}
        return {EventKind.CUSTOM: ActivityForm.ROLLUP} if ActivityForm.ROLLUP in forms else {}

    def _read_go_live(self, top: Section) -> None:
        node = top.node("go_live")
        if node is None:
            return
        if self._go_live is not None:
            self._twice(node.at, "`go_live`", self._go_live[1])
            return
        try:
            moment = datetime.fromisoformat(node.text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self._faults.add(
                node.at, "`go_live` must be a time with its zone.",
                "Write it like 2026-03-02T08:00:00Z.", code="config.wrong_type",
            )  # fmt: skip
            return
        self._go_live = (moment.astimezone(UTC), node.at)


def _stamped(mapping: PairMapping) -> PairMapping:
    """The mapping with the digest of what it says: comments, order of keys and places do not
    count, so that only a change of meaning is a change of mapping. Of how reports count, whose
    doings are no human's is a part of it: handoffs rest on that.
    """
    machines = sorted(mapping.machines)
    contract = replace(mapping.contract, hash=_digest((mapping.contract, machines)))
    return replace(mapping, contract=contract, hash=_digest((mapping, machines)))


def _digest(value: object) -> str:
    plain = json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(plain.encode()).hexdigest()[:16]


_UNSAID = frozenset({"at", "hash", "options", "parked", "reporting"})
"""What is known of a mapping besides what its files say, and what decides nothing; what is worked
out from the rest is left out as well."""


def _plain(value: object) -> object:
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {
            f.name: _plain(getattr(value, f.name))
            for f in dataclass_fields(value)  # type: ignore[arg-type]
            if f.init and f.name not in _UNSAID
        }
    return value
