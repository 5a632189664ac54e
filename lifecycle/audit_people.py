"""What the audit asks of every person: stage names, handoffs, owners, activities on duplicates."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from lifecycle.audit import Check, Finding, Scope, records_of
from lifecycle.calendars import WorkingDays
from lifecycle.subjects import Card, Subject, Users, oldest
from mappings.contract import Contract, Team

SAME_NAME: dict[str, str] = {
    "mql": "marketingqualifiedlead", "sql": "salesqualifiedlead",
    "salesqualified": "salesqualifiedlead", "marketingqualified": "marketingqualifiedlead",
}  # fmt: skip
"""Short names of stages and what they stand for."""
NO_EMAIL_TRACE = (
    "E-mail alerts to owners leave no trace in the data: who was told by mail alone counts as not"
    " told."
)


def plain_name(status: str) -> str:
    """A stage's name as it is compared: small letters and digits, abbreviations spelt out."""
    bare = "".join(char for char in status.casefold() if char.isalnum())
    return SAME_NAME.get(bare, bare)


@dataclass(slots=True)
class PeopleAudit:
    """One pass over all people. `add` each, then `end` once."""

    scope: Scope
    users: Users
    checks: dict[str, Check]
    seen: int = 0
    _names: dict[str, _Name] = field(default_factory=dict)
    _stages: dict[str, _Stage] = field(default_factory=dict)
    _days: WorkingDays = field(init=False)

    def __post_init__(self) -> None:
        self._days = WorkingDays.of(self.scope.contract)

    def add(self, person: Subject) -> None:
        """Look at one person."""
        self.seen += 1
        self._note_stage_names(person)
        self._note_owners(person)
        self._look_at_handoff(person)
        self._look_at_entries(person)

    def end(self) -> None:
        """What only shows once everybody was seen."""
        self._judge_stage_names()
        self._judge_stages()
        for finding in contract_stages(self.scope.contract):
            self.checks["stages"].found(finding)

    # ------------------------------------------------------------------ one name, two meanings

    def _note_stage_names(self, person: Subject) -> None:
        """A name that both sides use: do they agree about somebody known on both."""
        marketing, sales = _words(person.map), _words(person.crm)
        for name in marketing.keys() | sales.keys():
            seen = self._names.setdefault(name, _Name())
            on_map, on_crm = marketing.get(name), sales.get(name)
            seen.spelt.update(word.text for word in (on_map, on_crm) if word is not None)
            seen.map += on_map is not None
            seen.crm += on_crm is not None
            if on_map is not None and sales and on_crm is None:
                seen.apart.append((on_map, next(iter(sales.values()))))
            elif on_crm is not None and marketing and on_map is None:
                seen.apart.append((on_crm, next(iter(marketing.values()))))

    def _judge_stage_names(self) -> None:
        check = self.checks["first_entries"]
        for _, seen in sorted(self._names.items()):
            if not (seen.map and seen.crm):
                continue
            for here, there in seen.apart:
                check.found(
                    Finding(
                        "stage_name_conflict",
                        here.ref,
                        f"`{here.text}` here, `{there.text}` on the other side: the name"
                        f" `{'`, `'.join(sorted(seen.spelt))}` stands for different things",
                        (there.ref,),
                    )
                )

    # ------------------------------------------------------------------ stages and owners

    def _note_owners(self, person: Subject) -> None:
        for card in person.crm:
            if not card.status:
                continue
            stage = self._stages.setdefault(card.status, _Stage())
            stage.records += 1
            if self.users.is_nobody(card.owner):
                stage.unowned.append(card)

    def _judge_stages(self) -> None:
        check = self.checks["stages"]
        for status, stage in sorted(self._stages.items()):
            check.rows.append(
                {"stage": status, "records": stage.records, "unowned": len(stage.unowned)}
            )
            for card in stage.unowned:
                if card.is_open_lead:
                    check.found(self._unowned(card, stage))

    def _unowned(self, card: Card, stage: _Stage) -> Finding:
        if card.owner is None:
            why = "has no owner"
        elif self.users.is_gone(card.owner):
            why = "belongs to somebody who left"
        else:
            why = "waits in a queue"
        everybody = len(stage.unowned) == stage.records
        more = f"; nobody owns anything in `{card.status}`" if everybody else ""
        return Finding(
            "unowned_lead", card.ref, f"an open lead in `{card.status}` {why}{more}",
            who=card.owner, at=card.edited_at,
        )  # fmt: skip

    # ------------------------------------------------------------------ handoffs

    def _look_at_handoff(self, person: Subject) -> None:
        """The moment somebody marketing had first came to sales: their first CRM record, where it
        is younger than what marketing knew of them.
        """
        check = self.checks["handoffs"]
        first, known = person.came, oldest(person.map)
        at = first.created_at if first is not None else None
        if first is None or at is None or at < self.scope.since:
            return
        if known is None or known.created_at is None or known.created_at >= at:
            return
        check.rows.append(
            {"record": first.ref, "handed_over_at": at, "owner": self.users.name(first.owner),
             "from": person.map[0].ref}
        )  # fmt: skip
        behind = records_of([person.map[0].ref])
        older = known.created_at < (self.scope.events_since or at)
        self._trigger(person, first, behind, older=older)
        self._notice(person, first, behind)
        self._data(person, first, behind)

    def _trigger(
        self, person: Subject, first: Card, behind: tuple[str, ...], *, older: bool
    ) -> None:
        at = first.created_at
        if any(t.team is Team.MARKETING and at is not None and t.at <= at for t in person.touches):
            return
        check = self.checks["handoffs"]
        if older:
            check.cannot_tell("their marketing events may be older than those we have", first.ref)
            return
        check.found(
            Finding("no_trigger", first.ref,
                    "came to sales although no form, click or response came before", behind,
                    who=first.owner, at=at)
        )  # fmt: skip

    def _notice(self, person: Subject, first: Card, behind: tuple[str, ...]) -> None:
        check = self.checks["handoffs"]
        check.cannot_tell_at_all(NO_EMAIL_TRACE)
        at = first.created_at or self.scope.now
        calendar = self._days.calendar(owner=first.owner)
        until = calendar.business_days_later(at, self.scope.notice)
        signs = [entry.created_at for entry in person.entries if not entry.logged]
        signs += [h.given_at for h in person.handoffs if h.given_at is not None]
        signs += [c.edited_at for c in person.crm if c.edited_at is not None and c.edited_at > at]
        if any(at <= sign and (until is None or sign <= until) for sign in signs):
            return
        if until is None or until > self.scope.now:
            check.cannot_tell("sales has had no five working days yet", first.ref)
            return
        check.found(
            Finding("silent_handoff", first.ref,
                    f"nobody was told and nobody acted within {self.scope.notice} working days",
                    behind, who=first.owner, at=at)
        )  # fmt: skip

    def _data(self, person: Subject, first: Card, behind: tuple[str, ...]) -> None:
        if any(card.reachable for card in person.crm):
            return
        self.checks["handoffs"].found(
            Finding("missing_data", first.ref, "sales has neither an address nor a number", behind,
                    who=first.owner, at=first.created_at)
        )  # fmt: skip

    # ------------------------------------------------------------------ activities

    def _look_at_entries(self, person: Subject) -> None:
        """What machines logged on a record that is not the one to work with."""
        others = {card.ref for card in person.crm[1:]}
        if not others:
            return
        right = person.crm[0].ref
        wrong: Counter[str] = Counter()
        entries: dict[str, list[str]] = defaultdict(list)
        for entry in person.entries:
            by_machine = entry.logged or entry.creator in self.users.integrations
            if by_machine and entry.on in others:
                wrong[entry.on] += 1
                entries[entry.on].append(entry.ref)
        for ref, count in sorted(wrong.items()):
            self.checks["activities"].found(
                Finding("activity_on_duplicate", ref,
                        f"{count} automated {'entry' if count == 1 else 'entries'} on a second"
                        f" record of the same person; the one to work with is {right}",
                        (right, *sorted(entries[ref])))
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Word:
    """A stage's name as a record has it."""

    text: str
    ref: str


def _words(cards: tuple[Card, ...]) -> dict[str, _Word]:
    """Stage names by the form they are compared in; of equal ones the first record's."""
    found: dict[str, _Word] = {}
    for card in cards:
        for text in card.stages:
            found.setdefault(plain_name(text), _Word(text, card.ref))
    return found


@dataclass(slots=True)
class _Name:
    """A stage name: how often it stands on either side, and with whom the sides disagree."""

    map: int = 0
    crm: int = 0
    spelt: set[str] = field(default_factory=set)
    apart: list[tuple[_Word, _Word]] = field(default_factory=list)


@dataclass(slots=True)
class _Stage:
    """A status of the CRM: its records, and those nobody looks after."""

    records: int = 0
    unowned: list[Card] = field(default_factory=list)


def contract_stages(contract: Contract) -> list[Finding]:
    """Stages that both teams own though something comes after them."""
    return [
        Finding("stage_of_both", f"{lifecycle.name}.{stage.name}",
                f"the stage `{stage.name}` belongs to both teams, and people go on from it")
        for lifecycle in contract.lifecycles
        for stage in lifecycle.stages
        if stage.team is Team.SHARED
        and any(stage.name in lifecycle.predecessors(other.name) for other in lifecycle.stages)
    ]  # fmt: skip
