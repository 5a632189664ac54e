"""Loads the lifecycles of a contract: segments, stages, entry and exit rules, personas.

Part of loading a mapping (`mappings.loader`): the same files, the same faults, one pass. What
stands beside the stages (calendars, queues, handoffs, promises) is `mappings.contract_parts`'
business, what must hold between the parts `mappings.contract_checks`'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from mappings.contract import Contract, Criterion, ExitRule, Fact, Lifecycle, Persona, Stage, Team
from mappings.contract_checks import check_contract
from mappings.contract_handoff import load_handoff
from mappings.contract_names import Vocabulary
from mappings.contract_parts import Parts, entries, known, load_parts, load_promises
from mappings.errors import Position
from mappings.fieldmap import ObjectMapping
from mappings.loading import Loading
from mappings.positions import Node, suggest
from mappings.sections import Section

CONTRACT_KEYS = (
    "reporting", "terms", "personas", "calendars", "queues", "lifecycles", "promises",
)  # fmt: skip
LIFECYCLE_KEYS = ("segment", "recycle_reasons", "stages")
STAGE_KEYS = ("team", "after", "entry", "requires", "exit", "fact", "shown_as", "handoff")
EXIT_KEYS = ("when", "to", "reason", "recontact")

_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_DAYS = re.compile(r"([0-9]{1,4})d")


def load_contract(
    tops: Sequence[Section],
    objects: Mapping[str, ObjectMapping],
    loading: Loading,
    *,
    has_go_live: bool,
) -> Contract:
    """What the files of a mapping say of the contract; empty where they say nothing of it."""
    before = len(loading.faults.problems)
    vocabulary = Vocabulary.of(tops, objects, loading)
    parts = load_parts(tops, loading.faults)
    personas = tuple(
        Persona(name, when)
        for name, node in entries(tops, "personas", loading.faults)
        if _is_word(name, node.at, loading) and (when := vocabulary.criterion(node, ())) is not None
    )
    lifecycles = tuple(
        _lifecycle(name, node, parts, vocabulary, loading)
        for name, node in entries(tops, "lifecycles", loading.faults)
    )
    contract = Contract(
        lifecycles=lifecycles,
        personas=personas,
        calendars=parts.calendars,
        queues=parts.queues,
        promises=load_promises(tops, lifecycles, [p.name for p in personas], loading.faults),
        names=vocabulary.used,
        zone=parts.reporting.zone,
        reporting=parts.reporting,
    )
    check_contract(
        contract, objects, vocabulary, loading.faults, before=before, has_go_live=has_go_live
    )
    return contract


def _reasons(section: Section, loading: Loading) -> Iterator[str]:
    for reason, at in section.names("recycle_reasons"):
        if "," in reason:
            loading.faults.add(
                at, f"`{reason}` is one text, not several reasons.",
                f"Write a list: `[{', '.join(part.strip() for part in reason.split(','))}]`.",
                code="config.wrong_type",
            )  # fmt: skip
        yield from (part.strip() for part in reason.split(","))


def _is_word(name: str, at: Position, loading: Loading) -> bool:
    if _WORD.fullmatch(name):
        return True
    loading.faults.add(
        at, f"`{name}` is no name for this.",
        "Use small letters, digits and underscores, as in `sales_qualified`.",
        code="config.invalid_id",
    )  # fmt: skip
    return False


def _lifecycle(
    name: str, node: Node, parts: Parts, vocabulary: Vocabulary, loading: Loading
) -> Lifecycle:
    section = Section(node, loading.faults, f"the lifecycle `{name}`", LIFECYCLE_KEYS)
    _is_word(name, node.at, loading)
    section.need("stages", "Name its stages in order, from first contact on.")
    reasons = tuple(_reasons(section, loading))
    stage_names = [stage for stage, _, _ in section.entries("stages")]
    reading = _Stages(stage_names, reasons, parts, vocabulary, loading)
    stages = [reading.stage(stage, at, entry) for stage, at, entry in section.entries("stages")]
    segment = section.node("segment")
    return Lifecycle(
        name=name,
        segment=vocabulary.criterion(segment, ()) if segment is not None else None,
        stages=tuple(stages),
        recycle_reasons=reasons,
        at=node.at,
    )


class _Stages:
    """Reads the stages of one lifecycle."""

    def __init__(
        self,
        names: Sequence[str],
        reasons: Sequence[str],
        parts: Parts,
        vocabulary: Vocabulary,
        loading: Loading,
    ) -> None:
        self._names = names
        self._reasons = reasons
        self._parts = parts
        self._vocabulary = vocabulary
        self._loading = loading
        self._faults = loading.faults
        self._last: str | None = None

    def stage(self, name: str, at: Position, node: Node) -> Stage:
        """One entry under `stages`. Without `after` it follows the one before that has an entry."""
        section = Section(node, self._faults, f"the stage `{name}`", STAGE_KEYS)
        _is_word(name, at, self._loading)
        section.need("team", "Say whose stage it is: marketing, sales or shared.")
        handoff = section.node("handoff")
        fact = section.choice("fact", Fact, Fact.MQL) if section.has("fact") else None
        entry = tuple(self._criteria(section, "entry"))
        after = self._after(name, section, has_entry=section.has("entry"))
        if section.has("entry"):
            self._last = name
        return Stage(
            name=name,
            team=section.choice("team", Team, fact.team if fact else Team.SHARED),
            after=after,
            entry=entry,
            requires=tuple(self._vocabulary.fields(section.names("requires"))),
            exits=tuple(
                rule for item in section.items("exit") if (rule := self._exit(item)) is not None
            ),
            fact=fact,
            shown_as=section.text("shown_as") or None,
            handoff=(
                load_handoff(
                    handoff, name, self._names, self._parts, self._vocabulary, self._faults
                )
                if handoff is not None
                else None
            ),
            at=at,
        )

    def _after(self, name: str, section: Section, *, has_entry: bool) -> tuple[str, ...]:
        if not section.has("after"):
            return (self._last,) if has_entry and self._last is not None else ()
        found = []
        earlier = self._names[: self._names.index(name)]
        for before, at in section.names("after"):
            if before in earlier:
                found.append(before)
                continue
            later = before in self._names
            self._faults.add(
                at,
                f"`{before}` does not come before `{name}`."
                if later
                else f"There is no stage `{before}`.",
                "List it earlier: stages stand in order."
                if later
                else suggest(before, earlier, f"Name one of: {', '.join(earlier)}."),
                code="config.unknown_value",
            )
        return tuple(found)

    def _criteria(self, section: Section, key: str) -> Iterable[Criterion]:
        for item in section.items(key):
            found = self._vocabulary.criterion(item, self._names)
            if found is not None:
                yield found

    def _exit(self, node: Node) -> ExitRule | None:
        section = Section(node, self._faults, "an exit rule", EXIT_KEYS)
        when = section.node("when")
        needed = section.need("when", "Say when the step back is taken, as a condition.")
        needed &= section.need("to", "Name the stage to go back to, such as nurture.")
        needed &= section.need("reason", "Give a reason, or the field that holds it: crm.NAME.")
        criterion = self._vocabulary.criterion(when, self._names) if when is not None else None
        if not needed or criterion is None:
            return None
        to = section.text("to")
        if not known(to, self._names, "stage", section.place("to"), self._faults):
            return None
        reason, reason_field = self._reason(section)
        field, after = self._recontact(section)
        return ExitRule(criterion, to, reason, reason_field, field, after)

    def _reason(self, section: Section) -> tuple[str | None, str | None]:
        text = section.text("reason")
        if "." in text:
            return None, next(
                iter(self._vocabulary.fields([(text, section.place("reason"))])), None
            )
        if text not in self._reasons:
            self._faults.add(
                section.place("reason"), f"`{text}` is none of the lifecycle's recycle reasons.",
                suggest(text, self._reasons, "Add it to `recycle_reasons`."),
                code="config.unknown_value",
            )  # fmt: skip
        return text, None

    def _recontact(self, section: Section) -> tuple[str | None, timedelta | None]:
        if not section.has("recontact"):
            return None, None
        text = section.text("recontact")
        days = _DAYS.fullmatch(text)
        if days:
            return None, timedelta(days=int(days[1]))
        place = section.place("recontact")
        if "." not in text:
            self._faults.add(
                place, f"`{text}` is neither a field nor a number of days.",
                "Write crm.NAME (a date field), or days as in `90d`.", code="config.wrong_type",
            )  # fmt: skip
            return None, None
        return next(iter(self._vocabulary.fields([(text, place)])), None), None
