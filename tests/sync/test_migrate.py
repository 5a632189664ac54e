"""`leadloop migrate-config`: old files become today's, comments and all; what is new is left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mappings.errors import ConfigurationError
from mappings.loader import FORMAT, load_mapping
from sync.cli.main import main
from sync.migrate import STEPS, migrate
from sync.workspace import example_config, preset_text
from tests.mappings.minimal import MAPPING


def old(text: str) -> str:
    """The text as it was before there was a format."""
    return text.replace("format: 1\n", "", 1)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace of the format before the first."""
    (tmp_path / "mappings").mkdir()
    (tmp_path / "config.yaml").write_text(old(example_config()), encoding="utf-8")
    (tmp_path / "mappings" / "people.yaml").write_text(old(preset_text()), encoding="utf-8")
    return tmp_path


def run(workspace: Path, *words: str) -> int:
    """Exit code of the command on the workspace."""
    return main(["migrate-config", *words, "--config", str(workspace / "config.yaml")])


def test_there_is_a_step_for_every_format() -> None:
    """Whatever format a file has, it can be brought to today's."""
    assert sorted(STEPS) == list(range(FORMAT))


def test_nothing_is_written_without_a_word(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What would change is shown as a difference; the files stay."""
    before = (workspace / "config.yaml").read_text(encoding="utf-8")
    assert run(workspace) == 0
    shown = capsys.readouterr()
    assert "+format: 1" in shown.out
    assert "2 of 2" in shown.err
    assert (workspace / "config.yaml").read_text(encoding="utf-8") == before


def test_files_are_rewritten_and_kept(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The new files load, with their comments; the old ones are beside them; twice is once."""
    mapping = workspace / "mappings" / "people.yaml"
    before = mapping.read_text(encoding="utf-8")
    assert run(workspace, "--write", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["changed"] for one in told["files"]] == [True, True]
    assert load_mapping(mapping).objects
    assert set(before.splitlines()) <= set(mapping.read_text(encoding="utf-8").splitlines())
    assert (workspace / "mappings" / "people.yaml.bak").read_text(encoding="utf-8") == before
    assert run(workspace, "--json") == 0
    again = json.loads(capsys.readouterr().out)
    assert [one["changed"] for one in again["files"]] == [False, False]


@pytest.mark.parametrize("word", ["9", "0", "true", "one", "[1]"])
def test_a_format_that_is_not_known_is_refused(word: str, tmp_path: Path) -> None:
    """A file of a later version is never half understood."""
    path = tmp_path / "m.yaml"
    path.write_text(MAPPING.replace("format: 1", f"format: {word}"), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        migrate(path)
    assert caught.value.code == "config.format"
    assert caught.value.problems[0].at.line == 1


def test_the_format_stands_after_the_comments_above(tmp_path: Path) -> None:
    """A head of comments, a document mark and odd line ends are left where they are."""
    path = tmp_path / "m.yaml"
    path.write_bytes(b"# ours\r\n\r\n---\r\nobjects: {}\r\n")
    after = migrate(path).after
    assert after.index("# ours") < after.index("---") < after.index("format: 1")
    assert after.index("format: 1") < after.index("objects")


def test_an_empty_place_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to migrate is no success; a broken file is named with its line."""
    assert main(["migrate-config", "--config", str(tmp_path / "config.yaml")]) == 3
    assert "config.missing" in capsys.readouterr().err
    (tmp_path / "config.yaml").write_text("a: [\n", encoding="utf-8")
    assert run(tmp_path) == 3
    assert "config.syntax" in capsys.readouterr().err
