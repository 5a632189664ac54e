"""`leadloop model train`: learned from the people in the state, shown, and used only when asked."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from mappings.records import Side
from matching.blocking import blocking_keys
from matching.model import Model, default_model
from matching.normalise import Person
from state import candidates, commands, learned, reviews
from state.candidates import Indexed
from state.store import Store
from sync import wiring
from sync.alerts import facts_of
from sync.conditions import conditions
from sync.config import MatchingConfig, load_config
from sync.evidence import ensure_model, train_model
from sync.orders import Bench, Done, Order, carry_out
from sync.retraining import order_if_due
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
        body = learned.in_use(tx)
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
        learned.use(tx, "m-old", body)
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
        learned.use(tx, "m-old", {"format": 0})
    store.close()
    told = workspace.here("model", "train", "--use", "--json").data
    assert told["before"]["version"] == default_model().version
    assert _in_use(workspace) == told["after"]["version"]


def _learned_anew(workspace: Workspace, store: Store, *, most: float) -> Done:
    """A learning as the daemon orders it, where at most so much may change by itself."""
    matching = asdict(replace(MatchingConfig(), retrain_change=most))
    order = Order("train", {"use": False, "matching": matching})
    pair = load_config(workspace.config).pairs[0]
    return carry_out(order, Bench(pair, store, lambda: nullcontext(None)))  # type: ignore[arg-type]  # no vendor


def _forget_addresses(store: Store) -> None:
    """From now on nobody in the CRM has an address or a number: evidence is another."""
    with store.begin() as tx:
        rows = list(candidates.population(tx, Side.CRM, "person", limit=1000))
        people = [replace(Person.from_json(row.person), emails=(), phones=()) for row in rows]
        candidates.index(
            tx,
            [
                _indexed(row.record_key, Side.CRM, person)
                for row, person in zip(rows, people, strict=True)
            ],
        )


def test_what_changes_little_is_used_and_what_changes_much_waits(workspace: Workspace) -> None:
    """Learned anew from the same people the model is the same; from others it waits, is told to
    people and shown with what it would decide otherwise, and is used once somebody accepts it."""
    store = _store(workspace)
    first = ensure_model(store)
    assert _learned_anew(workspace, store, most=0.0).result["outcome"] == "same"
    _forget_addresses(store)
    done = _learned_anew(workspace, store, most=0.0)
    assert done.result["outcome"] == "waiting"
    assert 0 < done.result["decisions"]["share"] <= 1
    assert _in_use(workspace) == first.version
    config = load_config(workspace.config)
    told = [c for c in conditions(facts_of(config, config.pairs[0], store)) if c.key == "model"]
    assert [c.code for c in told] == ["alert.model"]
    shown = workspace.here("model", "waiting", "--json").data
    assert shown["after"] == done.result["after"]
    assert shown["decisions"] == done.result["decisions"]
    assert workspace.here("model", "accept", "--json").data["used"] is True
    assert _in_use(workspace) == done.result["after"]["version"]
    again = workspace.here("model", "decline", "--json")
    assert (again.code, again.data["error"]["code"]) == (2, "model.none_waiting")
    assert (
        workspace.here("model", "waiting", "--json").data["error"]["code"] == "model.none_waiting"
    )
    store.close()


def test_a_change_within_the_limit_needs_nobody(workspace: Workspace) -> None:
    """A model that decides no more otherwise than the limit is in use at once; one that waited for
    somebody is declined, and the one in use stays."""
    store = _store(workspace)
    ensure_model(store)
    _forget_addresses(store)
    assert _learned_anew(workspace, store, most=0.0).result["outcome"] == "waiting"
    told = workspace.here("model", "decline", "--json").data
    assert (told["used"], told["version"]) == (False, told["version"])
    assert _in_use(workspace) != told["version"]
    done = _learned_anew(workspace, store, most=1.0)
    assert done.result["outcome"] == "used"
    assert _in_use(workspace) == done.result["after"]["version"] == told["version"]
    store.close()


def test_a_learning_is_ordered_when_its_time_has_come(workspace: Workspace) -> None:
    """Nothing is ordered before anything was learned, while the last learning is fresh, where it
    is switched off, or while one is queued; thirty days on, once."""
    store, matching = _store(workspace), MatchingConfig()
    assert order_if_due(store, matching) is None
    ensure_model(store)
    assert order_if_due(store, matching) is None
    with store.begin() as tx:
        tx.connection.execute(update(learned.MODELS).values(trained_at=tx.now - timedelta(days=31)))
    assert order_if_due(store, replace(matching, retrain_days=0)) is None
    number = order_if_due(store, matching)
    assert number is not None
    assert order_if_due(store, matching) is None
    with store.read() as tx:
        command = commands.get(tx, number)
    store.close()
    assert command is not None
    assert command.kind == "train"
    assert MatchingConfig(**command.arguments["matching"]) == matching


def test_a_learning_cut_short_is_not_done_twice(workspace: Workspace) -> None:
    """What an attempt has recorded in the transaction that used the model is what the next one
    tells: nothing is learned again."""
    store = _store(workspace)
    config = load_config(workspace.config)
    kept: list[Mapping[str, Any]] = []
    order = Order("train", {"use": True, "matching": asdict(config.matching)})
    bench = Bench(config.pairs[0], store, lambda: nullcontext(None), {},  # type: ignore[arg-type]  # no vendor
                  lambda _tx, told: kept.append(told))  # fmt: skip
    done = carry_out(order, bench)
    assert done.result["outcome"] == "used"
    assert kept == [done.result]
    assert carry_out(order, replace(bench, before=kept[0])).result == done.result
    assert len(kept) == 1
    store.close()


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
