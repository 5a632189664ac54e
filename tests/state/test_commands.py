"""Commands: queued by whoever asks, claimed by who holds the state, done once."""

from __future__ import annotations

from state import commands
from state.store import Store

FIRST, SECOND = 1, 2
"""Lease numbers of two daemons, one after the other."""


def ask(store: Store, kind: str = "sync") -> int:
    """Queue a command."""
    with store.begin() as tx:
        return commands.request(tx, kind, {"record": "003"})


def claim(store: Store, epoch: int) -> commands.Command | None:
    """Claim the next one."""
    with store.begin() as tx:
        return commands.claim(tx, epoch)


def test_commands_are_taken_in_the_order_they_came(store: Store) -> None:
    """Oldest first, each once, with what was asked."""
    numbers = [ask(store), ask(store, "replay")]
    taken = [claim(store, FIRST), claim(store, FIRST), claim(store, FIRST)]
    assert [one and (one.id, one.kind, one.status) for one in taken] == [
        (numbers[0], "sync", "running"),
        (numbers[1], "replay", "running"),
        None,
    ]
    assert taken[0] is not None
    assert taken[0].arguments == {"record": "003"}


def test_what_a_dead_daemon_left_is_taken_again(store: Store) -> None:
    """A command under way belongs to its daemon; the next one takes it over, with what was kept,
    and is done with it once.
    """
    number = ask(store)
    first = claim(store, FIRST)
    assert first is not None
    with store.begin() as tx:
        commands.keep(tx, number, {"replayed": 3})
    assert claim(store, FIRST) is None
    again = claim(store, SECOND)
    assert again is not None
    assert (again.id, again.attempts, again.result) == (number, 2, {"replayed": 3})
    with store.begin() as tx:
        commands.finish(tx, number, exit_code=4, result={"status": "partial"}, run_id="r1")
        assert not commands.is_waiting(tx, SECOND + 1)
        found = commands.get(tx, number)
    assert found is not None
    assert (found.status, found.exit_code, found.run_id) == ("done", 4, "r1")
    assert found.is_over


def test_a_stop_puts_it_back_and_counts_no_attempt(store: Store) -> None:
    """A daemon that is stopped in the middle leaves the command as it found it."""
    number = ask(store)
    claim(store, FIRST)
    with store.begin() as tx:
        commands.put_back(tx, number)
        found = commands.get(tx, number)
    assert found is not None
    assert (found.status, found.attempts) == ("queued", 0)
    assert claim(store, SECOND) is not None


def test_only_queued_ones_can_be_withdrawn(store: Store) -> None:
    """What is under way goes on; what was withdrawn is never taken."""
    first, second = ask(store), ask(store)
    claim(store, FIRST)
    with store.begin() as tx:
        assert not commands.withdraw(tx, first)
        assert commands.withdraw(tx, second)
        assert not commands.withdraw(tx, second)
        assert not commands.withdraw(tx, 999)
    assert claim(store, FIRST) is None


def test_pairs_have_queues_of_their_own(store: Store) -> None:
    """A daemon's worker sees its own pair's commands only."""
    ask(store.for_pair("second"))
    assert claim(store, FIRST) is None
    assert claim(store.for_pair("second"), FIRST) is not None
