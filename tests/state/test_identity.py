"""Golden records: one link per record, aliases followed, the dead kept dead, work kept."""

from __future__ import annotations

from mappings.fieldmap import EntityKind
from mappings.records import RecordRef
from state import identity
from state.identity import NewLink
from state.store import Store
from tests.state.support import now

LEAD = RecordRef("salesforce", "Lead", "00Q1")
PERSON = RecordRef("hubspot", "contacts", "1")


def test_a_record_belongs_to_one_golden_record(store: Store) -> None:
    """A second link of the same record changes nothing: the first one stands (law 1)."""
    with store.begin() as tx:
        identity.create(tx, "r", {"e1": EntityKind.PERSON, "e2": EntityKind.PERSON})
        identity.link(tx, "r", [NewLink(PERSON, "e1", "email", 7)])
        identity.link(tx, "r", [NewLink(PERSON, "e2", "scored"), NewLink(LEAD, "e1", "email")])
        links = identity.links_of(tx, [PERSON, LEAD, RecordRef("x", "y", "z")])
        members = identity.members(tx, ["e1", "e2"])
    assert {ref: link.entity_id for ref, link in links.items()} == {PERSON: "e1", LEAD: "e1"}
    assert links[PERSON].decision_id == 7
    assert [link.ref for link in members["e1"]] == [PERSON, LEAD]
    assert "e2" not in members


def test_link_keys_are_minted_the_same_by_anyone() -> None:
    """The key follows from the accounts and the first record: a lost state finds its own again."""
    key = identity.mint("8812345/00D1", PERSON)
    assert identity.mint("8812345/00D1", PERSON) == key
    assert identity.mint("8812345/00D2", PERSON) != key
    assert identity.mint("8812345/00D1", LEAD) != key
    assert len(key) == 36


def test_the_first_account_is_bound_for_good(store: Store) -> None:
    """Another account's id does not replace the one this state belongs to."""
    with store.begin() as tx:
        assert identity.bound_account(tx, "hubspot") is None
        assert identity.bind_account(tx, "hubspot", "1") == "1"
        assert identity.bind_account(tx, "hubspot", "2") == "1"


def test_aliases_are_followed_through_any_chain(store: Store) -> None:
    """Merge after merge after conversion leads to the record of today; a cycle ends."""
    third = RecordRef("salesforce", "Lead", "00Q3")
    contact = RecordRef("salesforce", "Contact", "0031")
    with store.begin() as tx:
        identity.alias(tx, LEAD, third, "merged")
        identity.alias(tx, third, contact, "converted")
        assert identity.follow(tx, LEAD) == contact
        assert identity.follow(tx, PERSON) == PERSON
        identity.alias(tx, contact, LEAD, "merged")
        assert identity.follow(tx, LEAD) in {LEAD, third, contact}


def test_absorbing_moves_every_link(store: Store) -> None:
    """Two golden records that were one all along become one; the other one is marked."""
    with store.begin() as tx:
        identity.create(tx, "r", {"e1": EntityKind.PERSON, "e2": EntityKind.PERSON})
        identity.link(tx, "r", [NewLink(PERSON, "e1", "email"), NewLink(LEAD, "e2", "email")])
        identity.absorb(tx, "e2", "e1")
        assert len(identity.members(tx, ["e1"])["e1"]) == 2
        assert identity.entities(tx, ["e2"])["e2"].status == "absorbed"
        assert identity.count(tx) == {"person": 1}


def test_statuses_are_set_and_creating_again_does_not_revive(store: Store) -> None:
    """A golden record that is gone stays gone when the same key is created again (law 8)."""
    with store.begin() as tx:
        identity.create(tx, "r", {"e1": EntityKind.PERSON})
        identity.link(tx, "r", [NewLink(PERSON, "e1", "email"), NewLink(LEAD, "e1", "email")])
        identity.set_status(tx, [LEAD], "gone")
        identity.retire(tx, ["e1"])
        identity.create(tx, "r2", {"e1": EntityKind.PERSON})
        links = identity.links_of(tx, [PERSON, LEAD])
        assert identity.entities(tx, ["e1"])["e1"].status == "gone"
    assert (links[PERSON].status, links[LEAD].status) == ("live", "gone")
    assert links[LEAD].linked_at == now()


def test_shadows_are_replaced_as_a_whole(store: Store) -> None:
    """The last agreed values of a bond are exactly those stored last."""
    with store.begin() as tx:
        identity.store_shadows(tx, "r", {("e1", "b"): {"a": 1, "b": None}, ("e2", "b"): {}})
        identity.store_shadows(tx, "r", {("e1", "b"): {"a": 2}})
        assert identity.shadows(tx, ["e1", "e2"]) == {("e1", "b"): {"a": 2}, ("e2", "b"): {}}


def test_work_is_kept_once_until_it_is_done(store: Store) -> None:
    """The list holds each golden record once, pages in order, and forgets only what is done."""
    with store.begin() as tx:
        identity.add_work(tx, ["e2", "e1", "e2"], "changed")
        identity.add_work(tx, ["e1", "e3"], "events")
        rows = identity.work(tx)
        assert [entity_id for _, entity_id in rows] == ["e1", "e2", "e3"]
        assert identity.work(tx, after=rows[0][0], limit=1) == rows[1:2]
        identity.finish_work(tx, ["e1", "e2", "e3"])
        identity.add_work(tx, ["e1"], "events")
        assert identity.work(tx)[0][0] > rows[-1][0]
