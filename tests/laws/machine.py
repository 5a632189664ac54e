"""The machine that tries to break it: people, faults and kills in any order, then the laws.

A hypothesis state machine over a `Town`. Rules are what people, administrators and the network do;
`everything_calms_down` ends every fault and holds the town to the laws: converged in at most two
runs, then silent in both directions (law 4), and everything else that can be judged at rest.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    multiple,
    precondition,
    rule,
)
from sqlalchemy import select

from mappings.errors import (
    AuthenticationError,
    LeadloopError,
    QuotaExhaustedError,
    RateLimitedError,
    UnavailableError,
)
from mappings.records import EventKind, Json, Operation, Side
from state.store import Tx
from state.tables import METADATA
from sync import recover
from sync.crash import CRASHPOINTS, Crash, watched
from sync.run import Report
from sync.undo.choose import Wanted
from sync.undo.run import undo
from tests.laws.laws import comes_to_rest
from tests.laws.town import FIELDS, MEMORY, NAMES, Person, Town
from tests.laws.vendor import LIFECYCLE
from tests.sync.world import Refusal

SIDES = st.sampled_from([Side.MAP, Side.CRM])
ELSEWHERE = {
    *("after_bind", "after_model", "after_review", "after_replay", "after_companies"),
    *("after_discard", "after_mailing_claim", "after_mailing"),
}
"""Crash points no run of a small town without companies passes."""
POINTS = st.sampled_from(sorted(set(CRASHPOINTS) - ELSEWHERE))
IN_AN_UNDO = st.sampled_from(
    [None, "after_start", "after_undo", "before_write", "after_write", "after_settle", "after_see"]
)
PASSAGES = st.integers(1, 3)
EDITED = st.sampled_from(sorted(FIELDS))
VALUES = st.sampled_from(["One", "Two", "Three"])
STAGES = st.sampled_from(["Prospecting", "Negotiation/Review", "Closed Won", "Closed Lost"])
TROUBLE: dict[str, Callable[[], LeadloopError]] = {
    "429": lambda: RateLimitedError("slow down", retry_after=30),
    "503": lambda: UnavailableError("out of order"),
    "403 used up": lambda: QuotaExhaustedError("used up"),
    "401": lambda: AuthenticationError("who are you"),
}


class Machine(RuleBasedStateMachine):
    """One town and everything that can happen to it. `template` is the file of an empty state."""

    template: Path
    people = Bundle("people")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="leadloop-town-", dir=MEMORY))
        self.town = self.open_town()
        self.refusals: list[Refusal] = []

    def open_town(self) -> Town:
        """An empty town of this example's own."""
        return Town.build(self.folder, template=self.template)

    @initialize(
        target=people, leads=st.lists(st.sampled_from([None, "Lead", "Contact"]), max_size=3)
    )
    def a_first_run(self, leads: list[str | None]) -> object:
        """People in the MAP, some of them in the CRM, and a first run that somebody approved."""
        made = [self.town.newcomer(on_map=True, on_crm=known) for known in leads]
        self.town.approved_run()
        return multiple(*made)

    # --- people ------------------------------------------------------------------------------

    @rule(target=people, on_map=st.booleans(), on_crm=st.sampled_from([None, "Lead", "Contact"]))
    def newcomer(self, on_map: bool, on_crm: str | None) -> object:
        """Somebody new, while there are names left."""
        if len(self.town.people) >= len(NAMES):
            return multiple()
        return self.town.newcomer(on_map=on_map or on_crm is None, on_crm=on_crm)

    @precondition(lambda self: not self.town.strangers)
    @rule()
    def share_an_address(self) -> None:
        """Law 14: people of other names with one address, in both systems."""
        self.town.share_an_address()

    @rule(who=people, side=SIDES, name=EDITED, value=VALUES, ago=st.sampled_from([0, 0, 200]))
    def edit(self, who: Person, side: Side, name: str, value: str, ago: int) -> None:
        """A field is edited on one side; some edits show only later, stamped when they began."""
        self.town.edit(who, side, name, value, ago)

    @rule(who=people)
    def fill(self, who: Person) -> None:
        """A form is filled in."""
        self.town.fill(who)

    @rule(who=people, kind=st.sampled_from([EventKind.EMAIL_OPEN, EventKind.EMAIL_CLICK]))
    def mail(self, who: Person, kind: EventKind) -> None:
        """A mail is opened, or a link in it followed."""
        self.town.mail(who, kind)

    @rule(who=people, side=SIDES)
    def opt_out(self, who: Person, side: Side) -> None:
        """Somebody wants no mail any more."""
        self.town.opt_out(who, side)

    @precondition(lambda self: self.town.strangers)
    @rule(side=SIDES)
    def opt_a_stranger_out(self, side: Side) -> None:
        """Law 7 goes by address: somebody in review, or one of the others there, opts out."""
        self.town.opt_a_stranger_out(side)

    @rule(who=people, stage=st.sampled_from(LIFECYCLE))
    def promote(self, who: Person, stage: str) -> None:
        """Somebody gets to another stage of the MAP, which is nothing of ours."""
        self.town.promote(who, stage)

    @rule(who=people, side=SIDES)
    def delete(self, who: Person, side: Side) -> None:
        """A record is deleted."""
        self.town.delete(who, side)

    @rule(who=people, side=SIDES)
    def restore(self, who: Person, side: Side) -> None:
        """A deleted record is taken out of the bin."""
        self.town.restore(who, side)

    @rule(one=people, other=people)
    def merge_contacts(self, one: Person, other: Person) -> None:
        """Marketing merges two contacts into one with a new id."""
        self.town.merge_contacts(one, other)

    @rule(one=people, other=people)
    def merge_leads(self, one: Person, other: Person) -> None:
        """Sales merges two CRM records."""
        self.town.merge_leads(one, other)

    @rule(who=people, carries_key=st.booleans())
    def convert(self, who: Person, carries_key: bool) -> None:
        """Sales converts a Lead."""
        self.town.convert(who, carries_key=carries_key)

    @rule(who=people, stage=STAGES, amount=st.integers(1, 9))
    def opportunity(self, who: Person, stage: str, amount: int) -> None:
        """Sales opens an opportunity."""
        self.town.opportunity(who, stage, amount)

    @rule(who=people, stage=STAGES)
    def move_opportunity(self, who: Person, stage: str) -> None:
        """An opportunity moves."""
        self.town.move_opportunity(who, stage)

    @rule(number=st.integers(0, 5))
    def delete_deal(self, number: int) -> None:
        """Marketing deletes a deal."""
        self.town.delete_deal(number)

    # --- running, and being killed -------------------------------------------------------------

    @rule()
    def run(self) -> None:
        """An ordinary run."""
        self._fine(self.town.run())

    @rule(point=POINTS, passage=PASSAGES)
    def crash(self, point: str, passage: int) -> None:
        """A run that is killed at a crash point, if it gets there; then the state is reopened."""
        self._survives(point, passage, lambda: self._fine(self.town.run()))

    @rule(who=people, side=SIDES, name=EDITED, value=VALUES, point=POINTS)
    def edit_meanwhile(self, who: Person, side: Side, name: str, value: str, point: str) -> None:
        """Somebody edits a field while a run is at a crash point."""
        left = [point]

        def meanwhile(passed: str) -> None:
            if passed in left:
                left.clear()
                self.town.edit(who, side, name, value)

        with watched(meanwhile):
            self._fine(self.town.run())

    @rule()
    def dry_run(self) -> None:
        """Law 10: a plan writes to no vendor and leaves the state as it was."""
        before, writes = self._state(), self.town.writes()
        with contextlib.suppress(LeadloopError):  # the vendors may be in trouble
            self.town.world.planned()
        assert self.town.writes() == writes, "law 10: a dry run wrote to a vendor"
        assert self._state() == before, "law 10: a dry run changed the state"

    @rule(who=people, value=VALUES, point=IN_AN_UNDO)
    def undo(self, who: Person, value: str, point: str | None) -> None:
        """Law 11: a run carries an edit over, and is undone, by an undo that may be killed: what we
        wrote is as it was, what a person typed stays."""
        self.everything_calms_down()
        on_map, title = FIELDS["title"]
        contact = self.town.record(who, Side.MAP)
        if not who.plain or contact is None or not self.town.linked(who):
            return
        if contact.fields[on_map] == value:
            return  # typed again it travels no more: what was undone stays undone
        was = self._crm_value(who, title)
        self.town.edit(who, Side.MAP, "title", value)
        carried = self.town.run()
        if was == value:
            return
        assert self._crm_value(who, title) == value
        wanted = Wanted(run_id=carried.run_id)
        if not self._survives(point, 1, lambda: undo(self.town.world.pair, wanted)):
            undo(self.town.world.pair, wanted)
        who.edits.clear()
        self.everything_calms_down()
        assert self._crm_value(who, title) == was, "law 11: what we wrote has stayed"
        contact = self.town.record(who, Side.MAP)
        assert contact is not None
        assert contact.fields["jobtitle"] == value, "law 11: an undo took a person's edit"
        who.undone["title"] = (value, was)

    @rule(who=people, name=EDITED, value=VALUES)
    def mapping_changes(self, who: Person, name: str, value: str) -> None:
        """Law 13: under a changed mapping nothing but opt-outs is written before somebody has
        approved a plan; then what waited is."""
        self.everything_calms_down()
        self.town.change_mapping()
        self.town.edit(who, Side.MAP, name, value)
        wanted = list(self.town.world.planned().planned.intents())
        history = (self.town.hubspot.history, self.town.salesforce.history)
        before = [len(rows) for rows in history]
        refused = self.town.run()
        new = [r for rows, n in zip(history, before, strict=True) for r in rows[n:]]
        assert {row.operation for row in new} <= {Operation.OPT_OUT}, "law 13: unapproved writes"
        if wanted:
            assert refused.status == "refused", "law 13: nobody was asked"
        self._fine(self.town.approved_run())

    # --- what goes wrong -----------------------------------------------------------------------

    @rule(side=SIDES, applied=st.booleans(), calls=st.integers(1, 2))
    def lose_replies(self, side: Side, applied: bool, calls: int) -> None:
        """The next writes reach the vendor or do not, and nobody is told."""
        self.town.vendor(side).lose_reply(calls, applied=applied)

    @rule(side=SIDES, what=st.sampled_from(sorted(TROUBLE)), calls=st.integers(1, 6))
    def storm(self, side: Side, what: str, calls: int) -> None:
        """The next calls are refused."""
        self.town.vendor(side).fail(TROUBLE[what](), calls)

    @rule(side=SIDES, kind=st.sampled_from(["update", "create"]))
    def refuse_rows(self, side: Side, kind: str) -> None:
        """One kind of row is refused from now on."""
        object_name = {
            ("update", Side.CRM): "Lead",
            ("create", Side.CRM): "Task",
            ("update", Side.MAP): "contacts",
            ("create", Side.MAP): "deals",
        }[kind, side]
        refusal = Refusal(Operation(kind), object_name)
        self.refusals.append(refusal)
        self.town.vendor(side).reject(refusal)

    @rule(side=SIDES, seed=st.integers(0, 3))
    def disorder(self, side: Side, seed: int) -> None:
        """From now on a side repeats and reorders what it tells."""
        self.town.vendor(side).disorder(random.Random(seed) if seed else None)

    @rule(hours=st.sampled_from([-26, -1, 1, 26]))
    def clock_jumps(self, hours: int) -> None:
        """Our machine's clock jumps, the vendors' do not."""
        self.town.skew = timedelta(hours=hours)

    @rule(hours=st.sampled_from([1, 30]))
    def time_passes(self, hours: int) -> None:
        """Nobody does anything for a while."""
        self.town.world.time.at += timedelta(hours=hours)

    @rule(side=SIDES, name=EDITED)
    def field_vanishes(self, side: Side, name: str) -> None:
        """An administrator removes a mapped field."""
        self.town.drop_field(side, name)

    @rule()
    def restart(self) -> None:
        """Leadloop is stopped and started."""
        self.town.reopen()

    @rule()
    def replay(self) -> None:
        """An operator has every dead letter tried again."""
        recover.replay(self.town.store, recover.Selection())

    @rule()
    def give_up(self) -> None:
        """An operator discards a dead letter, and takes that back when all is calm."""
        self.town.give_up()

    # --- the laws ------------------------------------------------------------------------------

    @rule()
    def everything_calms_down(self) -> None:
        """Every fault ends; then the laws must hold."""
        self.refusals.clear()
        comes_to_rest(self.town)

    def teardown(self) -> None:
        """The last word: whatever happened, it comes to rest and the laws hold."""
        try:
            self.everything_calms_down()
        finally:
            self.town.world.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- helpers -------------------------------------------------------------------------------

    def _fine(self, report: Report) -> None:
        """A run ends well or with an error that a fault explains, never with one of our own."""
        if report.error is not None:
            assert not isinstance(report.error, AssertionError)
            assert report.error.code not in {"internal", "invariant"}, report.error

    def _survives(self, point: str | None, passage: int, act: Callable[[], object]) -> bool:
        """Do it, killed at that passage of a crash point if it gets there, and reopened then;
        whether it got to its end."""
        passed: Counter[str] = Counter()

        def kill(name: str) -> None:
            passed[name] += 1
            if name == point and passed[name] == passage:
                raise Crash

        try:
            with watched(kill):
                act()
        except Crash:
            self.town.reopen()
            return False
        return True

    def _crm_value(self, who: Person, name: str) -> Json:
        record = self.town.record(who, Side.CRM)
        assert record is not None
        return record.fields[name]

    def _state(self) -> dict[str, int]:
        """Rows by table."""
        with self.town.store.read() as tx:
            return {name: _rows(tx, name) for name in METADATA.tables}


def _rows(tx: Tx, name: str) -> int:
    table = METADATA.tables[name]
    return hash(tuple(map(repr, tx.connection.execute(select(table)).all())))
