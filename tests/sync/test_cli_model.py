"""`leadloop model`: shown, compared and trained; in use only when asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from matching.model import default_model
from sync import models
from sync.cli import main as command_line


def _told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    command_line.main([*words, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert isinstance(told, dict)
    return told


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """The default model, and the same with one level worth a bit less."""
    body = default_model().to_json()
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    first.write_text(json.dumps(body))
    body["fields"]["email"]["levels"][0]["u"] *= 2
    second.write_text(json.dumps(body))
    return first, second


def test_two_files_are_compared(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The one level that differs is named with both weights, and equal models have no change."""
    told = _told(capsys, "model", "compare", *map(str, files))
    [change] = told["changes"]
    assert (change["field"], change["level"]) == ("email", "exact")
    assert change["before"] - change["after"] == pytest.approx(1.0, abs=0.01)
    assert _told(capsys, "model", "compare", str(files[0]), str(files[0]))["changes"] == []


def test_a_file_is_shown(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Every field of the model is shown with its levels."""
    told = _told(capsys, "model", "show", str(files[0]))
    assert set(told["weights"]) == set(default_model().learned.m)


def test_what_a_match_printed_is_a_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The output of `match --json` is read as a model, by `model show` and by `match --model`."""
    people, printed = tmp_path / "people.csv", tmp_path / "printed.json"
    lines = [f"{at},Ada Ash{at % 9},19{at % 9 + 50}-03-02" for at in range(18)]
    people.write_text("\n".join(["id,name,born", *lines]))
    told = _told(capsys, "match", str(people))
    printed.write_text(json.dumps(told))
    assert set(_told(capsys, "model", "show", str(printed))["weights"]) == set(
        told["model"]["fields"]
    )
    again = _told(capsys, "match", str(people), "--model", str(printed))
    assert again["counts"]["links"] == told["counts"]["links"]


def test_rubbish_is_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no model ends with exit code 2 and a remedy."""
    path = tmp_path / "model.json"
    for rubbish in (
        "",
        "[]",
        '{"fields": 3}',
        '{"fields": {"email": {"levels": [{"level": "x"}]}}}',
    ):
        path.write_text(rubbish)
        error = _told(capsys, "model", "show", str(path))["error"]
        assert (error["code"], error["exit_code"]) == ("match.model", 2)


def test_levels_that_come_and_go_are_changes() -> None:
    """A field only one model has counts with all its levels."""
    before = default_model().to_json()
    fields = {k: v for k, v in before["fields"].items() if k != "title"}
    found = models.changes({**before, "fields": fields}, before)
    assert {one.field for one in found} == {"title"}
    assert all(one.before is None for one in found)
