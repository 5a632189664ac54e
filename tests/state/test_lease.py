"""Fencing: who lost the state cannot write to it, even where nobody told them (ADR on fencing)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from mappings.errors import LeaseLostError, StateHeldError
from state import mirror, outbox
from state.open import open_store
from state.store import Store
from tests.state.support import contact, intent, now


@pytest.fixture
def other(store: Store, database_url: str) -> Iterator[Store]:
    """The same state, opened by somebody else."""
    opened = open_store(database_url, clock=now, pair="main")
    yield opened
    opened.close()


def lose_lock(store: Store) -> None:
    """Take the holder's lock away without its knowledge: its lock file, or its session."""
    path = store.engine.url.database
    if store.engine.dialect.name == "sqlite":
        assert path is not None
        Path(f"{path}.lock").unlink()
        return
    with store.engine.connect() as connection:
        connection.execute(
            text(
                "select pg_terminate_backend(pid) from pg_locks"
                " where locktype = 'advisory' and pid <> pg_backend_pid()"
            )
        )


def journal(store: Store, key: str) -> None:
    """Journal one intent."""
    with store.begin() as tx:
        outbox.journal(tx, "run", [intent(key)])


def journaled(store: Store) -> set[str]:
    """The keys in the journal."""
    with store.read() as tx:
        return {stored.intent.key for _, stored in outbox.unsettled(tx)}


def test_who_lost_the_lock_writes_nothing_more(store: Store, other: Store) -> None:
    """A holder whose lock was lost is refused at its next transaction, once somebody else holds
    the state; what it journaled before stays, and the new holder works undisturbed.
    """
    with store.exclusive():
        journal(store, "before")
        lose_lock(store)
        journal(store, "between")  # nobody else has it: still its own
        with other.exclusive():
            with pytest.raises(LeaseLostError) as refused:
                journal(store, "after")
            journal(other, "theirs")
            with pytest.raises(LeaseLostError), store.for_pair("second").begin():
                pytest.fail("the second pair of a lost state must not be written either")
    assert refused.value.code == "state.lease_lost"
    assert refused.value.exit_code == 7
    assert journaled(other) == {"before", "between", "theirs"}


def test_settling_is_fenced_as_journaling_is(store: Store, other: Store) -> None:
    """An outcome that comes after the state was lost is not stored: the new holder looks it up."""
    with store.exclusive():
        journal(store, "k1")
        lose_lock(store)
        with other.exclusive(), pytest.raises(LeaseLostError), store.begin() as tx:
            outbox.settle(tx, [outbox.Settlement("k1", "ok", "003")])
    with other.read() as tx:
        assert outbox.results(tx, ["k1"])["k1"].status == "open"


def test_a_new_holder_waits_for_the_transaction_in_hand(store: Store, other: Store) -> None:
    """There is no moment in which both write: taking over ends after the old holder's commit."""
    taken = threading.Event()

    def take_over() -> None:
        with other.exclusive():
            taken.set()

    thread = threading.Thread(target=take_over)
    with store.exclusive():
        with store.begin() as tx:
            outbox.journal(tx, "run", [intent("k1")])
            lose_lock(store)
            thread.start()
            assert not taken.wait(0.3)
        thread.join(20)
        assert taken.is_set()
        with pytest.raises(LeaseLostError):
            journal(store, "k2")
    assert journaled(other) == {"k1"}


def test_who_does_not_hold_the_state_may_ask_and_decide(store: Store, other: Store) -> None:
    """Writing without holding (queueing a command, binding an account) is not fenced off."""
    with store.exclusive("daemon"):
        with other.begin() as tx:
            mirror.land(tx, "run", "contacts", [contact(1)])
        assert other.holder() == "daemon"
        with pytest.raises(StateHeldError), other.exclusive():
            pytest.fail("two holders at once")
    assert other.holder() is None


def test_looking_who_holds_it_takes_no_number(store: Store, other: Store) -> None:
    """Looking is not holding: a later look fences nobody off."""
    with store.exclusive():
        assert other.holder() == "command"
        journal(store, "k1")
    assert journaled(other) == {"k1"}


def test_a_scratch_copy_is_nobodys(store: Store) -> None:
    """Planning on a copy is not stopped by what happens to the state meanwhile."""
    with store.exclusive(), store.scratch() as copy:
        assert copy.fence.token is None
        journal(copy, "planned")
    assert journaled(store) == set()
