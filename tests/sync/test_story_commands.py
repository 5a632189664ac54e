"""`explain`, `review`, `deadletters`, `replay` as people type them, on a state runs have made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mappings.records import Operation
from sync.cli.main import main
from sync.cli.ordering import without_addresses
from sync.cli.session import UsageFault
from sync.story import find_person
from sync.workspace import write_workspace
from tests.sync.world import Refusal, World

ADA = "ada.byron@example-byron.com"
MARIA = "m@lopez-ltd.com"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command on the world's state: exit code, stdout, stderr."""
    config = write_workspace(
        tmp_path,
        hubspot={"url": "http://127.0.0.1:1", "token": "pat-x", "portal_id": 1},
        salesforce={
            "login_url": "https://127.0.0.1:1",
            "client_id": "k",
            "client_secret": "s",
            "ca_file": None,
        },
        state_url="sqlite:///state.sqlite3",
    )

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([*arguments, "--config", str(config)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def data(ran: tuple[int, str, str]) -> dict[str, Any]:
    """The JSON of a command that went well."""
    code, out, err = ran
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def populate(world: World) -> None:
    """Ada linked with one change refused; Maria in review."""
    contact = world.contact("Ada", "Byron", jobtitle="Engineer")
    world.lead("Ada", "Byron")
    world.contact("Maria", "Lopez", email=MARIA)
    world.lead("Peter", "Grant", Email=MARIA)
    world.fills(MARIA)
    world.first()
    world.salesforce.reject(Refusal(Operation.UPDATE, "Lead"))
    world.hubspot.edit("contacts", contact, {"jobtitle": "Poet"})
    world.run()


def test_explain_tells_the_story(world: World, command: Command) -> None:
    """On a terminal: records, the waterfall, the timeline; as JSON the same."""
    populate(world)
    code, out, _ = command("explain", ADA)
    assert code == 0
    for words in ("Timeline", "exact_email", "prior", "posterior", "field.invalid", "Engineer"):
        assert words in out
    person = data(command("explain", ADA, "--json"))["person"]
    assert person["kind"] == "person"
    assert {"decided", "wrote", "dead_letter"} <= {m["kind"] for m in person["timeline"]}


def test_explain_somebody_in_review(world: World, command: Command) -> None:
    """Somebody who belongs to nobody yet is told by their record."""
    populate(world)
    person = data(command("explain", "contacts:2", "--json"))["person"]
    assert (person["entity_id"], person["status"]) == (None, "in review")


def test_explain_nobody_is_a_usage_error(world: World, command: Command) -> None:
    """Nobody by that name: one clear message and exit code 2."""
    populate(world)
    code, out, err = command("explain", "nobody@example.com")
    assert (code, out) == (2, "")
    assert "nobody is known by" in err
    code, out, _ = command("explain", "nobody@example.com", "--json")
    assert (code, json.loads(out)["error"]["exit_code"]) == (2, 2)


def test_explain_asks_back_where_several_are_meant(world: World, command: Command) -> None:
    """An address two records share: both are named, none is guessed."""
    populate(world)
    code, _, err = command("explain", MARIA)
    assert code == 2
    assert "2 people are known by" in err
    assert "hubspot:contacts:2" in err


def test_review_from_list_to_accept(world: World, command: Command) -> None:
    """List, show with the waterfall, accept; said again it changes nothing; rejecting fails."""
    populate(world)
    (item,) = data(command("review", "list", "--json"))["items"]
    assert data(command("review", "--json"))["items"] == [item]
    number = str(item["id"])
    shown = data(command("review", "show", number, "--json"))["item"]
    assert shown["subject_fields"]["email"] == MARIA
    assert shown["candidates"][0]["fields"]["LastName"] == "Grant"
    code, out, _ = command("review", "show", number)
    assert code == 0
    assert "prior" in out
    assert "Grant" in out
    done = data(command("review", "accept", number, "--json"))
    assert (done["status"], done["changed"]) == ("accepted", True)
    assert data(command("review", "accept", number, "--json"))["changed"] is False
    assert data(command("review", "list", "--json"))["items"] == []
    assert len(data(command("review", "list", "--all", "--json"))["items"]) == 1
    code, _, err = command("review", "reject", number)
    assert code == 2
    assert "decided already" in err
    world.run()
    assert world.counterpart("2").fields["LastName"] in {"Grant", "Lopez"}


def test_review_reject(world: World, command: Command) -> None:
    """Rejected: the candidate is remembered as somebody else, the next run creates the person."""
    populate(world)
    (item,) = data(command("review", "list", "--json"))["items"]
    code, _, err = command("review", "reject", str(item["id"]))
    assert code == 0
    assert "somebody else: salesforce:Lead:2" in err
    world.run()
    assert world.counterpart("2").fields["Email"] == MARIA
    assert world.counterpart("2").ref.id != "2"


def test_review_of_an_unknown_item(world: World, command: Command) -> None:
    """There is no item 99: exit code 2, whatever is asked of it."""
    populate(world)
    for what in ("show", "accept", "reject"):
        code, _, err = command("review", what, "99")
        assert code == 2
        assert "there is no review item 99" in err


def test_deadletters_are_grouped(world: World, command: Command) -> None:
    """Root causes with count, examples and remedy; no values of people."""
    populate(world)
    found = data(command("deadletters", "--json"))
    assert found["open"] == 1
    assert [(c["code"], c["count"]) for c in found["causes"]] == [("field.invalid", 1)]
    assert "Poet" not in json.dumps(found)
    code, out, _ = command("deadletters")
    assert code == 0
    assert "field.invalid" in out
    assert data(command("deadletters", "--code", "field.unknown", "--json"))["open"] == 0
    assert data(command("deadletters", "--since", "2026-03-03", "--json"))["open"] == 0
    assert data(command("deadletters", "--record", ADA, "--json"))["open"] == 1
    code, _, err = command("deadletters", "--since", "yesterday")
    assert code == 2
    assert "no point in time" in err


def test_one_letter_shows_its_field_and_no_other_value(world: World, command: Command) -> None:
    """`show` tells cause, remedy and the next commands, with the refused field's value and no other
    of the person's; the commands name the config.yaml that was given."""
    populate(world)
    number = data(command("deadletters", "--json"))["letters"][0]["id"]
    letter = data(command("deadletters", "show", str(number), "--json"))["letter"]
    assert (letter["code"], letter["value"], letter["status"]) == ("field.invalid", "Poet", "open")
    assert letter["next"][0] == f"leadloop replay --letter {number}"
    code, out, _ = command("deadletters", "show", str(number))
    assert code == 0
    assert "'Poet'" in out
    assert ADA not in out
    assert "leadloop --config" in out
    assert command("deadletters", "show", "4711")[0] == 2


def test_a_letter_is_given_up_with_a_reason_and_taken_up_again(
    world: World, command: Command
) -> None:
    """`discard` needs a reason, which `show` tells; the letter is open no more until `reopen`."""
    populate(world)
    number = str(data(command("deadletters", "--json"))["letters"][0]["id"])
    assert command("deadletters", "discard", number)[0] == 2
    assert command("deadletters", "discard", number, "--because", " ")[0] == 2
    done = data(command("deadletters", "discard", number, "--because", "a test", "--json"))
    assert (done["status"], done["closing"]) == ("discarded", {"because": "a test"})
    assert data(command("deadletters", "--json"))["open"] == 0
    code, out, _ = command("deadletters", "show", number)
    assert code == 0
    assert "discarded by a person: a test" in out
    assert "deadletters reopen" in out
    assert data(command("deadletters", "reopen", number, "--json"))["status"] == "open"
    assert data(command("deadletters", "--json"))["open"] == 1
    assert command("deadletters", "discard", "4711", "--because", "x")[0] == 2


def test_what_waits_for_the_daemon_names_nobody_by_address(world: World) -> None:
    """Whoever is named by an e-mail address waits in the state by their golden record's id."""
    populate(world)
    named = without_addresses(world.store, {"record": ADA, "error": "x"})
    assert named["error"] == "x"
    assert (named["record"],) == find_person(world.store, ADA).entities
    with pytest.raises(UsageFault):
        without_addresses(world.store, {"record": "nobody@example.com"})


def test_replay_says_what_it_would_do(world: World, command: Command) -> None:
    """--dry-run changes nothing; --no-sync puts the work back for the next run; then there is
    nothing left to replay."""
    populate(world)
    would = data(command("replay", "--all", "--dry-run", "--json"))["pairs"][0]
    assert (would["replayed"], would["dry_run"], would["run"]) == (1, True, None)
    assert data(command("deadletters", "--json"))["open"] == 1
    did = data(command("replay", "--error", "field.invalid", "--no-sync", "--json"))["pairs"][0]
    assert (did["replayed"], did["run"]) == (1, None)
    assert data(command("deadletters", "--json"))["open"] == 0
    code, _, err = command("replay", "--all")
    assert code == 0
    assert "Nothing to replay" in err


def test_replay_with_vendors_away_changes_nothing(world: World, command: Command) -> None:
    """Law 2: nobody listens at the vendor: exit code 6, and the letters stay open."""
    populate(world)
    code, _, _ = command("replay", "--all")
    assert code == 6
    assert data(command("deadletters", "--json"))["open"] == 1


@pytest.mark.parametrize("arguments", [(), ("--all", "--run", "x")])
def test_replay_must_be_told_what(
    arguments: tuple[str, ...], world: World, command: Command
) -> None:
    """Neither nothing nor everything-and-something: exit code 2."""
    code, _, err = command("replay", *arguments)
    assert code == 2
    assert "needs to be told what" in err


def test_a_held_state_is_not_decided_on(world: World, command: Command) -> None:
    """While another process holds the state, a decision is refused with exit code 7."""
    populate(world)
    with world.store.exclusive():
        code, _, _ = command("review", "accept", "1")
    assert code == 7
    assert len(data(command("review", "list", "--json"))["items"]) == 1
