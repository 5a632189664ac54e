"""The plan file: what is written is read again, and nothing else is ever believed."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.errors import ConfigurationError, LeadloopError, MassChangeRefusedError
from sync.planfile import PlanFile, check_plan, plan_id, read_plan, write_plan

MARKS = frozenset({"a" * 40, "b" * 40, "c" * 40})
PLAN = PlanFile(
    plan="0123456789ab",
    pair="main",
    namespace="8812345:00D000000000001AAA",
    config_hash="c" * 16,
    mapping_hash="m" * 16,
    made_at=datetime(2026, 3, 2, 8, 0, tzinfo=UTC),
    counts={"crm.create.Lead": 2, "map.update.contacts": 1},
    kinds={"creates": 2, "updates": 1},
    fingerprints=MARKS,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a plan has been written."""
    file = tmp_path / "plan.json"
    write_plan(file, PLAN)
    return file


def test_a_plan_reads_back_as_it_was_written(path: Path) -> None:
    """Writing and reading give the same plan."""
    assert read_plan(path) == PLAN


def test_a_plan_is_its_owners_alone(path: Path) -> None:
    """The file has mode 0600, also when it replaces one that was open to others."""
    path.chmod(0o644)
    write_plan(path, PLAN)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_id_says_what_is_planned() -> None:
    """The same writes have the same id; other writes, accounts or mappings have another."""
    again = plan_id(frozenset(sorted(MARKS)), "n", "m")
    assert plan_id(MARKS, "n", "m") == again
    others = {plan_id(MARKS - {"a" * 40}, "n", "m"), plan_id(MARKS, "x", "m")}
    assert len({again, *others, plan_id(MARKS, "n", "x")}) == 4


def _cut(text: str) -> str:
    return text[: len(text) // 2]


def _edited(change: Callable[[dict[str, Any]], object]) -> Callable[[str], str]:
    def edit(text: str) -> str:
        body = json.loads(text)
        change(body)
        return json.dumps(body)

    return edit


DAMAGE: list[tuple[str, Callable[[str], str], str]] = [
    ("cut", _cut, "plan.unreadable"),
    ("empty", lambda _: "", "plan.unreadable"),
    ("a list", lambda _: "[]", "plan.unreadable"),
    ("another JSON", lambda _: '{"a": 1}', "plan.unreadable"),
    ("too deep", lambda _: "[" * 100_000, "plan.unreadable"),
    ("a newer format", _edited(lambda b: b.update(format=2)), "plan.format"),
    ("one mark more", _edited(lambda b: b["fingerprints"].append("d" * 40)), "plan.corrupt"),
    ("one mark less", _edited(lambda b: b["fingerprints"].pop()), "plan.corrupt"),
    ("another pair", _edited(lambda b: b.update(pair="other")), "plan.corrupt"),
    ("no checksum", _edited(lambda b: b.pop("checksum")), "plan.corrupt"),
    ("no marks", _edited(lambda b: b.pop("fingerprints")), "plan.corrupt"),
]


@pytest.mark.parametrize(("spoil", "code"), [d[1:] for d in DAMAGE], ids=[d[0] for d in DAMAGE])
def test_a_damaged_plan_is_refused(path: Path, spoil: Callable[[str], str], code: str) -> None:
    """A file that was cut, edited or is something else is refused with the way to a new one."""
    path.write_text(spoil(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_plan(path)
    assert caught.value.code == code
    assert "leadloop plan --out" in caught.value.remedy


@given(st.data())
def test_no_single_edit_goes_unnoticed(tmp_path_factory: Any, data: st.DataObject) -> None:
    """Whatever one character is changed to, the file is refused or says the same plan."""
    path = tmp_path_factory.mktemp("plan") / "plan.json"
    write_plan(path, PLAN)
    text = path.read_text(encoding="utf-8")
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii"))
    path.write_text(text[:place] + other + text[place + 1 :], encoding="utf-8")
    assert _read_or_refused(path) in (PLAN, None)


def _read_or_refused(path: Path) -> PlanFile | None:
    try:
        return read_plan(path)
    except ConfigurationError:
        return None


def test_what_cannot_be_read_is_no_plan(tmp_path: Path) -> None:
    """No file and a directory are told apart from a damaged plan."""
    with pytest.raises(ConfigurationError, match="there is no plan") as missing:
        read_plan(tmp_path / "plan.json")
    assert missing.value.code == "plan.missing"
    with pytest.raises(ConfigurationError) as folder:
        read_plan(tmp_path)
    assert folder.value.code == "plan.unreadable"


def test_a_plan_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """An unwritable place is refused, and no half-written file stays behind."""
    target = tmp_path / "there"
    target.mkdir()
    with pytest.raises(ConfigurationError) as caught:
        write_plan(target, PLAN)
    assert caught.value.code == "plan.unwritable"
    assert list(tmp_path.iterdir()) == [target]


WRONG: list[tuple[PlanFile, str, type[LeadloopError]]] = [
    (replace(PLAN, pair="other"), "plan.wrong_pair", ConfigurationError),
    (replace(PLAN, namespace="1:2"), "plan.wrong_account", ConfigurationError),
    (replace(PLAN, mapping_hash="x"), "plan.wrong_mapping", MassChangeRefusedError),
]


@pytest.mark.parametrize(("plan", "code", "kind"), WRONG, ids=[w[1] for w in WRONG])
def test_a_plan_for_something_else_is_refused(
    plan: PlanFile, code: str, kind: type[LeadloopError]
) -> None:
    """Another pair, other accounts or another mapping than the plan was made for end it."""
    with pytest.raises(kind) as caught:
        check_plan(plan, pair="main", namespace=PLAN.namespace, mapping_hash=PLAN.mapping_hash)
    assert caught.value.code == code


def test_a_plan_for_this_pair_passes() -> None:
    """The right pair, accounts and mapping raise nothing; other settings do not matter."""
    other_settings = replace(PLAN, config_hash="x")
    check_plan(
        other_settings, pair="main", namespace=PLAN.namespace, mapping_hash=PLAN.mapping_hash
    )
    assert re.fullmatch(r"[0-9a-f]{12}", PLAN.plan)
