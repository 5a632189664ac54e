"""The machine that tries to break the closed loop: marketing, sales and time in any order, under a
contract that changes, with runs that are killed.

A hypothesis state machine over a small world in memory. After every run that came to its end the
laws of the loop are judged (`judge`); at the end of a story it must come to rest. What the two
facts should be is kept beside it in a few lines of its own (`Life`): forms alone qualify for
marketing, the Lead's status alone for sales.
"""

from __future__ import annotations

import itertools
import re
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule

from lifecycle import evaluate
from lifecycle.handoff import Chosen, Status
from lifecycle.standing import Move
from mappings.contract import Fact
from mappings.fieldmap import PairMapping
from mappings.required_fields import EVENT_KEY
from state import effects, loop
from state.store import Tx
from sync.config import GuardConfig
from sync.crash import Crash, watched
from sync.guard import Approval
from sync.loop_rows import contract_key, handoffs_of, kept_of, moves_of
from sync.plan import fingerprints
from sync.run import run_once
from sync.timelines import evidences, people_of
from tests.laws.town import MEMORY, NAMES
from tests.sync.agreed import GO_LIVE, LAST, ONE, TWO, golden, hire, mapping_with
from tests.sync.world import World

TASK = "Call this lead"
WORKING, GIVEN_UP, REFUSED = "Working - Contacted", "Not now", "Unqualified"
STAGES = ("lead", "mql", "working", "customer")
"""In order; nurture stands beside them."""
AT_EASE = GuardConfig(floor=10_000)
"""The brakes are tried elsewhere: here two people may do as much as they like."""
POINTS = st.sampled_from(
    ["after_land", "after_fold", "after_advance", "after_intents", "after_write", "after_settle",
     "before_notice", "notice_sent", "after_notice"]
)  # fmt: skip
CONTRACT = """\
format: 1
go_live: "{go_live}"
reporting: {{zone: Europe/Berlin, integrations: ["005ROBOT"]}}
terms: {{crm.Recontact_Date__c: date}}
calendars:
  berlin: {{zone: Europe/Berlin, hours: {{mon-fri: 09:00-17:00}}, holidays: DE-BE}}
queues:
  inbound:
    calendar: berlin
    members: [{{user: "005000000000001000"}}, {{user: "005000000000002", weight: 2}}]
    fallback: "005000000000009"
lifecycles:
  main:
    recycle_reasons: [not_ready]
    stages:
      lead: {{team: marketing, entry: count(events.form_fill) >= 1}}
      mql:
        team: marketing
        fact: mql
        entry: count(events.form_fill, days(30)) >= {forms}
        requires: [map.company]
        shown_as: marketingqualifiedlead
        handoff:
          queues: inbound
          reject: crm.Status == "Unqualified"
          reason: crm.Reason__c
          task: Call this lead
          service_level: {{accept_within: 4h, touch_within: 1d, escalate_to: ["005000000000008"]}}
        exit: {{when: crm.Status == "Not now", to: nurture, reason: not_ready,
               recontact: crm.Recontact_Date__c}}
      working:
        team: sales
        fact: sales_qualified
        entry: crm.Status == "Working - Contacted"
        exit: {{when: crm.Status == "Not now", to: nurture, reason: not_ready,
               recontact: crm.Recontact_Date__c}}
      customer: {{team: shared, entry: count(deals.won) >= 1}}
      nurture: {{team: marketing}}
"""


@dataclass(slots=True)
class Life:
    """What somebody did and was said to be, as far as the two facts hang on it."""

    email: str
    contact: str
    lead: str
    filled: list[datetime] = field(default_factory=list)
    status: str = "Open - Not Contacted"
    seen_working: bool = False
    may_have_been_seen: bool = False

    def is_qualified(self, forms: int) -> bool:
        """Whether so many forms ever came within 30 days, the edge included."""
        ordered = sorted(self.filled)
        return any(
            last - first <= timedelta(days=30)
            for first, last in zip(ordered, ordered[forms - 1 :], strict=False)
        )


class Agreement(RuleBasedStateMachine):
    """Two teams under one contract. `template` is the file of an empty state."""

    template: Path
    people = Bundle("people")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="leadloop-agreement-", dir=MEMORY))
        self.forms, self.hands_over = 2, True
        self.world = self.open_world()
        self.lives: list[Life] = []
        self.heard: list[str] = []
        self.world.pair = replace(self.world.pair, tell=lambda _: self._hear)
        hire(self.world)

    def open_world(self) -> World:
        """An empty world of this example's own."""
        shutil.copy(self.template, self.folder / "state.sqlite3")
        return World.build(self.folder, mapping=self.contract(), guard=AT_EASE)

    def _hear(self, _title: str, body: str) -> bool:
        self.heard += body.splitlines()
        return True

    def contract(self) -> PairMapping:
        """The contract as it is now."""
        text = CONTRACT.format(go_live=GO_LIVE.isoformat(), forms=self.forms)
        if not self.hands_over:
            text = re.sub(r"        handoff:\n(?: {10}.*\n)+", "", text)
        return mapping_with(self.folder / f"mapping{self.forms}{self.hands_over}", text)

    @initialize(target=people)
    def a_first_run(self) -> object:
        """Two people on both sides, and a first run that somebody approved."""
        made = [self._born(), self._born()]
        self.world.first()
        return multiple(*made)

    def _born(self) -> Life:
        first, last = NAMES[len(self.lives)]
        contact = self.world.contact(first, last, company=f"{last} Ltd")
        lead = self.world.lead(first, last, OwnerId="005ROBOT", Status="Open - Not Contacted")
        email = str(self.world.hubspot.get("contacts", contact).fields["email"])
        self.lives.append(Life(email, contact, lead))
        return self.lives[-1]

    # --- what people do ------------------------------------------------------------------------

    @rule(target=people)
    def newcomer(self) -> object:
        """Somebody new, while there are names left."""
        return self._born() if len(self.lives) < min(4, len(NAMES)) else multiple()

    @rule(who=people)
    def fill(self, who: Life) -> None:
        """A form is filled in."""
        who.filled.append(self.world.fills(who.email).occurred_at)

    @rule(who=people, company=st.sampled_from(["", "Byron & Co"]))
    def edit_company(self, who: Life, company: str) -> None:
        """Marketing learns where somebody works, or takes it out; what a handoff waits for."""
        self.world.hubspot.edit("contacts", who.contact, {"company": company})
        self.world.salesforce.edit("Lead", who.lead, {"Company": company}, by="005REP")

    @rule(
        who=people,
        status=st.sampled_from([WORKING, GIVEN_UP, REFUSED, "Open - Not Contacted"]),
        reason=st.sampled_from(["", "budget"]),
        days=st.sampled_from([None, 3, 40]),
    )
    def answer(self, who: Life, status: str, reason: str, days: int | None) -> None:
        """Sales says how it stands: with or without a reason, or a day to try again."""
        again = (self.world.time.at + timedelta(days=days)).date().isoformat() if days else None
        fields = {"Status": status, "Reason__c": reason, "Recontact_Date__c": again}
        self.world.salesforce.edit("Lead", who.lead, fields, by="005REP")
        who.status = status

    @rule(who=people, by=st.sampled_from(["005REP", "005ROBOT"]))
    def call(self, who: Life, by: str) -> None:
        """Somebody calls, or a machine says so."""
        task = {"WhoId": who.lead, "IsClosed": True, "TaskSubtype": "Call", "CreatedById": by}
        self.world.salesforce.put("Task", task, by=by)

    @rule(who=people, owner=st.sampled_from([ONE, TWO, LAST, "00G000000000001AAA"]))
    def take_over(self, who: Life, owner: str) -> None:
        """A colleague takes the lead, or it is put into a queue."""
        self.world.salesforce.edit("Lead", who.lead, {"OwnerId": owner}, by="005REP")

    @rule(user=st.sampled_from([ONE, TWO[:15], LAST[:15]]), is_active=st.booleans())
    def come_and_go(self, user: str, is_active: bool) -> None:
        """Somebody of sales leaves, or comes back."""
        self.world.salesforce.edit("User", user, {"IsActive": is_active})

    @rule(hours=st.sampled_from([1, 5, 20, 24 * 3, 24 * 26, 24 * 31]))
    def time_passes(self, hours: int) -> None:
        """Hours to a month go by: the clocks change on the 29th of March, and in October."""
        self.world.time.at += timedelta(hours=hours)

    @rule(forms=st.sampled_from([2, 3]), hands_over=st.sampled_from([True, True, False]))
    def agree_anew(self, forms: int, hands_over: bool) -> None:
        """Both teams agree on another number of forms, or on no handoff and on one again, and
        somebody approves what follows."""
        self.forms, self.hands_over = forms, hands_over
        self.world.pair = replace(self.world.pair, mapping=self.contract())
        approved = fingerprints(list(self.world.planned().planned.intents()))
        self._came_to_its_end(run_once(self.world.pair, approval=Approval(frozenset(approved))))

    # --- running, and being killed -------------------------------------------------------------

    @rule()
    def run(self) -> None:
        """An ordinary run."""
        self._came_to_its_end(self.world.run())

    @rule(point=POINTS, passage=st.integers(1, 3))
    def crash(self, point: str, passage: int) -> None:
        """A run that is killed at a crash point, if it gets there."""
        left = itertools.count(passage, -1)

        def kill(reached: str) -> None:
            if reached == point and next(left) == 1:
                raise Crash(reached)

        try:
            with watched(kill):
                ended = self.world.run()
        except Crash:
            for life in self.lives:
                life.may_have_been_seen |= life.status == WORKING
            return
        self._came_to_its_end(ended)

    def _came_to_its_end(self, ended: object) -> None:
        assert getattr(ended, "error", None) is None
        for life in self.lives:
            if life.status == WORKING:
                life.seen_working = life.may_have_been_seen = True
        self.judge()

    # --- judging -------------------------------------------------------------------------------

    def judge(self) -> None:
        """The laws of the loop, on what the state and both vendors say."""
        with self.world.store.read() as tx:
            keys = {golden(self.world, life.email): life for life in self.lives}
            self._judge_facts(tx, keys)
            for key, life in keys.items():
                self._judge_moves(tx, key)
                self._judge_ledger(tx, key)
                self._judge_handoffs(tx, key, life)

    def _judge_facts(self, tx: Tx, keys: dict[str, Life]) -> None:
        """Law 5: each team's fact follows from its own data alone, and both sides show it."""
        contract = self.world.pair.mapping.contract
        for key, kept in kept_of(tx, keys).items():
            life, standing = keys[key], kept.standing
            assert kept.contract == contract_key(self.world.pair.mapping)
            mql, sales = (
                standing.fact_at(contract, fact) for fact in (Fact.MQL, Fact.SALES_QUALIFIED)
            )
            assert (mql is not None) == life.is_qualified(self.forms), "MQL is marketing's alone"
            assert life.seen_working <= (sales is not None) <= life.may_have_been_seen
            contact = self.world.hubspot.get("contacts", life.contact).fields
            lead = self.world.salesforce.get("Lead", life.lead).fields
            for at, ours, theirs in (
                (mql, "leadloop_mql_at", "Leadloop_MQL_At__c"),
                (sales, "leadloop_sales_qualified_at", "Leadloop_Sales_Qualified_At__c"),
            ):
                assert bool(contact[ours]) == bool(lead[theirs]) == (at is not None), ours

    def _judge_moves(self, tx: Tx, key: str) -> None:
        """Law 6: forward, or back with a reason; each move begins where the last one ended."""
        moves = moves_of(tx, [key]).get(key, [])
        for one, following in itertools.pairwise(moves):
            assert following.before == one.after
            assert following.at >= one.at
        for move in moves:
            if move.move is Move.FORWARD and move.before in STAGES:
                assert STAGES.index(move.after) > STAGES.index(move.before)
            if move.move is Move.RECYCLE:
                assert (move.after, move.reason) == ("nurture", "not_ready")

    def _judge_ledger(self, tx: Tx, key: str) -> None:
        """Law 9: at any moment one duty; the history gone through again gives the same moves."""
        lines = loop.duties(tx, [key])[key]
        assert lines[-1].end is None
        assert all(a.end == b.start and a.start < b.start for a, b in itertools.pairwise(lines))
        kept = kept_of(tx, [key])[key]
        mapping, until = self.world.pair.mapping, kept.standing.at
        assert until is not None
        [person] = people_of(tx, mapping, [key])
        assert lines[0].start == person.created_at
        since = {key: {name: seen.since for name, seen in kept.seen.items()}}
        for _, evidence in evidences(tx, mapping, [person], since):
            again = evaluate.replay(mapping.contract, evidence, until, go_live=mapping.go_live)
            assert list(again.moves) == moves_of(tx, [key]).get(key, [])
            assert again.standing.stage == kept.standing.stage

    def _judge_handoffs(self, tx: Tx, key: str, life: Life) -> None:
        """Nobody is followed up twice: one handoff at a time, one task for each owner's turn, made
        by its key; whoever owns them in the CRM is whom the ledger names."""
        own = handoffs_of(tx, [key]).get(key, [])
        running = [one for one in own if one.status.is_under_way]
        assert len(running) <= 1
        made = [r.fields for r in self.world.salesforce.by("Task", "WhoId", life.lead)
                if r.fields["Subject"] == TASK]  # fmt: skip
        assert len({fields[EVENT_KEY] for fields in made}) == len(made)
        done = [
            effect
            for effect in effects.of_people(tx, [key], status=effects.DONE).get(key, [])
            if effect.kind == "task"
        ]
        assert len(made) == len(done)
        for one in running:
            last = one.assignment
            if one.status is Status.HELD or last is None:
                continue
            line = loop.duties(tx, [key])[key][-1]
            assert (line.team, line.why) in {("sales", "handed over"), ("sales", "accepted")}
            if last.user is not None and last.chosen is not Chosen.TAKEN:
                owner = str(self.world.salesforce.get("Lead", life.lead).fields["OwnerId"])
                assert owner[:15] == last.user[:15]

    def teardown(self) -> None:
        """Left alone it comes to rest: nothing is written any more but what time alone brings."""
        try:
            if self.lives:
                self._came_to_its_end(self.world.run())
                assert any(self.world.settled() for _ in range(3))
                self.judge()
        finally:
            self.world.close()
            shutil.rmtree(self.folder, ignore_errors=True)
