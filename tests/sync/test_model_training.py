"""`leadloop model train`: learned from the people in the state, shown, and used only when asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mappings.records import Side
from matching.blocking import blocking_keys
from matching.model import Model, default_model
from matching.normalise import Person
from state import candidates, reviews
from state.candidates import Indexed
from state.store import Store
from sync import wiring
from sync.config import load_config
from sync.evidence import ensure_model, train_model
from sync.workspace import write_workspace
from tests.matching.worlds import business
from tests.sync.commands import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace whose state knows the people of a generated world."""
    written = write_workspace(
        tmp_path / "work",
        hubspot={"url": "http://127.0.0.1:1", "token": "pat-x", "portal_id": 1},
        salesforce={
            "login_url": "https://127.0.0.1:1",
            "client_id": "k",
            "client_secret": "s",
            "ca_file": None,
        },
    )
    found, world = Workspace(written.parent), business(120, seed=9)
    store = _store(found)
    with store.begin() as tx:
        people = {"salesforce:Lead:": world.crm, "hubspot:contacts:": world.incoming}
        for (start, own), side in zip(people.items(), (Side.CRM, Side.MAP), strict=True):
            candidates.index(tx, [_indexed(f"{start}{key}", side, own[key]) for key in own])
    store.close()
    return found


def _indexed(key: str, side: Side, person: Person) -> Indexed:
    return Indexed(key, side, "person", person.to_json(), blocking_keys(person))


def _store(workspace: Workspace) -> Store:
    config = load_config(workspace.config)
    return wiring.open_state(config, config.pairs[0])


def _in_use(workspace: Workspace) -> str:
    told = workspace.here("model", "show", "--json").data
    return str(told["version"])


def test_what_is_learned_is_shown_and_not_used(workspace: Workspace) -> None:
    """Without --use the changes are printed and the model in use stays; the same people give the
    same model again."""
    before = _in_use(workspace)
    told = workspace.here("model", "train", "--json").data
    assert told["used"] is False
    assert told["before"]["version"] == before == default_model().version
    assert {one["field"] for one in told["changes"]} >= {"given", "family", "email"}
    assert _in_use(workspace) == before
    again = workspace.here("model", "train", "--json").data
    assert again["after"] == told["after"]


def test_a_model_in_use_is_the_one_that_was_written(workspace: Workspace, tmp_path: Path) -> None:
    """With --out and --use one model is written and used: the file is read again, is equal to
    what the next run links with, and differs from it in nothing."""
    out = tmp_path / "model.json"
    told = workspace.here("model", "train", "--use", "--out", str(out), "--json").data
    assert (told["used"], _in_use(workspace)) == (True, told["after"]["version"])
    assert workspace.here("model", "compare", str(out), "--json").data["changes"] == []
    store = _store(workspace)
    with store.read() as tx:
        body = candidates.model(tx)
    store.close()
    assert body is not None
    assert Model.from_json(body).version == told["after"]["version"]


def test_what_was_decided_in_review_is_learned_from(workspace: Workspace) -> None:
    """A pair that was accepted and one that was ruled out enter the model as certain; ruling out
    what was accepted takes it back."""
    store = _store(workspace)
    plain = train_model(store)
    assert plain is not None
    with store.begin() as tx:
        keys = {
            row.record_key: row.keys
            for row in candidates.population(tx, Side.MAP, "person", limit=1000)
        }
        people = candidates.people(tx, keys)
        blocked = candidates.candidates(
            tx, {key: blocking_keys(Person.from_json(row.person)) for key, row in people.items()}
        )
        pairs = [
            (key, one)
            for key in sorted(blocked)
            for one in blocked[key]
            if one.startswith("salesforce:")
        ]
        reviews.open_items(
            tx,
            "r",
            [
                {"kind": "match", "subject": key, "candidates": [one], "decision_id": None}
                for key, one in dict(pairs[:40]).items()
            ],
        )
        for item in reviews.items(tx):
            reviews.close(tx, item.id, "accepted", item.candidates[0])
        answered = len(dict(pairs[:40]))
    learned = train_model(store)
    assert learned is not None
    assert learned.trained["answers"] == answered
    assert learned.version != plain.version
    assert learned.learned.match > plain.learned.match
    with store.begin() as tx:
        reviews.rule_out(tx, list(dict(pairs[:40]).items()))
    parted = train_model(store)
    store.close()
    assert parted is not None
    assert parted.learned.match < learned.learned.match


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"format": 0, "weights": {"email": 12.0}},
        {**default_model().to_json(), "fields": {}},
        {**default_model().to_json(), "match": 0.0},
        {**default_model().to_json(), "near": {"relative": {"odds": 0.1, "shares": {"email": []}}}},
        {**default_model().to_json(), "frequencies": None},
    ],
)
def test_a_model_of_an_earlier_release_is_not_used(
    workspace: Workspace, body: dict[str, Any]
) -> None:
    """A stored model that this release cannot read is told with what to do, trained anew by the
    next run, and then it is the one in use."""
    store = _store(workspace)
    with store.begin() as tx:
        candidates.store_model(tx, "m-old", body)
    shown = workspace.here("model", "show", "--json")
    assert (shown.code, shown.data["error"]["code"]) == (2, "model.outdated")
    assert "leadloop sync" in shown.data["error"]["remedy"]
    model = ensure_model(store)
    assert model.version not in {"m-old", default_model().version}
    assert ensure_model(store).version == model.version
    store.close()
    assert _in_use(workspace) == model.version


def test_train_takes_the_place_of_an_earlier_release(workspace: Workspace) -> None:
    """`model train --use` is compared with the defaults where the stored one cannot be read."""
    store = _store(workspace)
    with store.begin() as tx:
        candidates.store_model(tx, "m-old", {"format": 0})
    store.close()
    told = workspace.here("model", "train", "--use", "--json").data
    assert told["before"]["version"] == default_model().version
    assert _in_use(workspace) == told["after"]["version"]


def test_too_few_people_are_told(tmp_path: Path, workspace: Workspace) -> None:
    """With nobody in the state nothing is learned: exit code 2, and the remedy names the sync."""
    store = _store(workspace)
    with store.begin() as tx:
        candidates.drop(
            tx,
            [row.record_key for row in candidates.population(tx, Side.MAP, "person", limit=1000)],
        )
    store.close()
    ran = workspace.here("model", "train", "--out", str(tmp_path / "none.json"), "--json")
    assert (ran.code, ran.data["error"]["code"]) == (2, "model.too_few")
    assert "leadloop sync" in ran.data["error"]["remedy"]
    assert not (tmp_path / "none.json").exists()


def test_a_file_that_cannot_be_written_changes_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    """An --out in no directory ends with exit code 2 and a remedy."""
    ran = workspace.here("model", "train", "--out", str(tmp_path / "no" / "m.json"), "--json")
    assert (ran.code, ran.data["error"]["code"]) == (2, "match.unwritable")
