"""A kill at every named crash point: nothing is lost, nothing doubled, the next run is enough."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from mappings.records import EventKind, Json, Record
from state import events, mirror, outbox
from sync.crash import CRASHPOINTS, EXIT, VARIABLE
from tests.sync.world import World

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "sync").rglob("*.py"))
WITHOUT = {
    "limits.py:_wait": "a call that was counted and never made leaves a place empty for seconds",
    "limits.py:_know": "what the vendor's headers say is asked for again with every call",
    "worker.py:_between_batches": "tells how far a command is; whoever follows asks again",
    "ordering.py:place": "queues a command, and does nothing after",
    "commands.py:withdraw": "as above, for taking one back",
    "commands.py:act": "as above",
    "orders.py:_erase": "an order forgets whom it was about; done again it forgets again",
    "orders.py:_allow": "as above",
    "orders.py:_model": "keeps a decision with its result; done again it tells the result",
    "retraining.py:order_if_due": "queues a command, and does nothing after",
    "worker.py:_interrupted": "closes the row of a run that has ended; `start` would do the same",
}
"""Functions that open a transaction and pass no crash point, and why."""
PLACES = (
    "after_start",
    "after_land",
    "after_land:4",
    "after_fold",
    "after_fold:2",
    "after_revisit",
    "after_rest",
    "after_decisions",
    "after_rows",
    "after_attribute",
    "after_adopt",
    "after_intents",
    "before_write",
    "before_write:3",
    "after_write",
    "after_write:2",
    "after_write:4",
    "after_settle",
    "after_settle:3",
    "before_see",
    "after_see",
    "after_figures",
    "after_finish",
)
"""Where this test kills; by number where one point is passed many times."""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A settled world in which people have just done everything there is to do."""
    folder = tmp_path_factory.mktemp("before")
    world = World.build(folder, durable=True)
    ada = world.contact("Ada", "Byron", jobtitle="Engineer")
    world.lead("Ada", "Byron", Phone="+442079460001")
    world.contact("Alan", "Turing")
    lead = world.lead("Alan", "Turing")
    world.first()
    world.hubspot.edit("contacts", ada, {"jobtitle": "Poet"})
    world.salesforce.edit("Lead", lead, {"Phone": "+442079460002", "HasOptedOutOfEmail": True})
    world.contact("Grace", "Hopper")
    for name in ("ada.byron@example-byron.com", "grace.hopper@example-hopper.com"):
        world.fills(name)
        world.happens(EventKind.EMAIL_OPEN, name)
    world.close()
    return folder


def killed(folder: Path, place: str | None) -> int:
    """The exit code of one run in a process of its own, killed at the place."""
    environment = {**os.environ, VARIABLE: place} if place else dict(os.environ)
    return subprocess.run(
        [sys.executable, "-m", "tests.sync.crashing", str(folder)],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
    ).returncode


def picture(world: World) -> list[tuple[str, list[Json]]]:
    """Everything both vendors hold, but for times and ids."""
    leads = world.salesforce.all("Lead")
    email_of = {lead.ref.id: lead.fields["Email"] for lead in leads}
    tasks = world.salesforce.all("Task")
    names = ("Email", "LastName", "Title", "Phone", "HasOptedOutOfEmail", "Leadloop_Id__c")
    counters = ("Leadloop_Emails_Opened__c", "Leadloop_Last_Campaign__c")
    mapped = ("email", "jobtitle", "phone", "hs_email_optout", "leadloop_id")
    outcomes = ("leadloop_crm_object", "leadloop_crm_id")
    return [
        ("leads", _rows(leads, (*names, *counters))),
        ("contacts", _rows(world.hubspot.all("contacts"), (*mapped, *outcomes))),
        (
            "tasks",
            sorted(
                [email_of[str(task.fields["WhoId"])], str(task.fields["Leadloop_Event_Id__c"])]
                for task in tasks
            ),
        ),
    ]


def _rows(records: Iterable[Record], names: Iterable[str]) -> list[Json]:
    wanted = list(names)
    return sorted([str(record.fields.get(name)) for name in wanted] for record in records)


@pytest.fixture(scope="module")
def undisturbed(before: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Json]]:
    """What both vendors hold after a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed") / "w"
    shutil.copytree(before, folder)
    assert killed(folder, None) == 0
    world = World.build(folder, durable=True)
    held = picture(world)
    world.close()
    assert [len(rows) for _, rows in held] == [3, 3, 2]
    return held


@pytest.mark.parametrize("place", PLACES)
def test_after_a_kill_the_next_run_finishes_the_work(
    place: str, before: Path, undisturbed: list[tuple[str, Json]], tmp_path: Path
) -> None:
    """Laws 1 to 4: killed at the crash point, then run: both vendors hold what they would have
    held, no more and no less; everything is accounted for; then there is silence."""
    folder = tmp_path / "w"
    shutil.copytree(before, folder)
    assert killed(folder, place) == EXIT
    world = World.build(folder, durable=True)
    world.run()
    world.run()
    assert picture(world) == undisturbed
    assert world.settled()
    with world.store.read() as tx:
        assert mirror.pending_count(tx) == 0
        assert "pending" not in events.dispositions(tx)
        assert set(outbox.count_by_status(tx)) <= {"ok", "dropped"}
    world.close()


def test_two_kills_in_a_row_are_as_harmless_as_one(
    before: Path, undisturbed: list[tuple[str, Json]], tmp_path: Path
) -> None:
    """Law 3: killed while writing, and killed again while recovering from it."""
    folder = tmp_path / "w"
    shutil.copytree(before, folder)
    assert killed(folder, "after_write") == EXIT
    assert killed(folder, "after_write") == EXIT
    assert killed(folder, "before_write") == EXIT
    world = World.build(folder, durable=True)
    world.run()
    world.run()
    assert picture(world) == undisturbed
    assert world.settled()
    world.close()


def test_code_and_registry_name_the_same_crash_points() -> None:
    """Every `crashpoint()` call names a registered point by a literal, and each one is used."""
    called = [name for path in SOURCES for name in _points(ast.parse(path.read_text("utf-8")))]
    assert set(called) == set(CRASHPOINTS)


def _points(tree: ast.AST) -> list[str]:
    """The names of the crash points passed in a piece of code."""
    found: list[str] = []
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "crashpoint"
        ):
            (name,) = node.args
            assert isinstance(name, ast.Constant), f"line {node.lineno}: the name is no literal"
            found.append(str(name.value))
    return found


def test_every_transaction_of_the_write_path_is_followed_by_a_crash_point() -> None:
    """A function that opens a writing transaction passes a crash point, or stands in the list of
    those that need none with the reason: a new write without one fails here."""
    bare = {
        f"{path.name}:{function.name}"
        for path in SOURCES
        for function in _functions(path)
        if _opens_a_transaction(function) and not _points(function)
    }
    assert bare == set(WITHOUT)


def _functions(path: Path) -> list[ast.FunctionDef]:
    tree = ast.parse(path.read_text("utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def _opens_a_transaction(function: ast.FunctionDef) -> bool:
    return any(
        isinstance(item.context_expr, ast.Call)
        and isinstance(item.context_expr.func, ast.Attribute)
        and item.context_expr.func.attr == "begin"
        for node in ast.walk(function)
        if isinstance(node, ast.With)
        for item in node.items
    )


def test_every_vendor_call_that_writes_stands_between_crash_points() -> None:
    """A new write without crash points fails here: a function that calls a connector's `write` or
    `archive` passes a point before and after it."""
    for path in SOURCES:
        for function in _functions(path):
            if _writes_at_a_vendor(function):
                assert {"before_write", "after_write"} <= set(_points(function)), (
                    f"{path.name}:{function.name} writes at a vendor between no crash points"
                )


def _writes_at_a_vendor(function: ast.FunctionDef) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"write", "archive"}
        and any(word in ast.unparse(node.func.value) for word in ("connector", "_side"))
        for node in ast.walk(function)
    )
