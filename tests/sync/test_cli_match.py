"""`leadloop match`: the page that explains it works as it stands; bad input ends clearly."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from contextlib import chdir
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from sync.cli import main as command_line
from tests.house import ROOT

PAGE = ROOT / "docs" / "how-to" / "match-files.md"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder, made the current one, with the two files of the page."""
    blocks = re.findall(r"^```csv\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for name, text in zip(("contacts.csv", "leads.csv"), blocks, strict=True):
        (tmp_path / name).write_text(text, encoding="utf-8")
    with chdir(tmp_path):
        yield tmp_path


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = command_line.main(list(words))
    return code, capsys.readouterr().out


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    told = json.loads(_run(capsys, "match", *words, "--json")[1])
    assert isinstance(told, dict)
    return told


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_page_works(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command of the page runs and finds what the page's people are."""
    lines = re.findall(r"^leadloop (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(lines) == 3
    for line in lines:
        assert _run(capsys, *line.split())[0] == 0
    pairs = {(r["left_id"], r["right_id"]) for r in _rows(folder / "pairs.csv")
             if r["decision"] == "link"}  # fmt: skip
    assert pairs == {("1", "2"), ("3", "5")}
    links = {(r["left_id"], r["right_id"]) for r in _rows(folder / "links.csv")
             if r["decision"] == "link"}  # fmt: skip
    assert {one for _, one in links} == {"a", "b"}


@pytest.mark.usefixtures("folder")
def test_why_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    """For links and for non-links the steps come to the log2 odds of the posterior."""
    for pair in (("1", "2"), ("1", "6"), ("3", "5"), ("5", "3")):
        shown = _json(capsys, "contacts.csv", "--why", *pair)["why"]
        [candidate] = shown["candidates"]
        end = candidate["waterfall"][-1]["total"]
        assert 1.0 / (1.0 + 2.0**-end) == pytest.approx(candidate["posterior"], abs=1e-4)
        assert candidate["posterior"] == shown["probability"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "match.empty"),
        (b"id,name\n", "match.empty"),
        (b"key,name\n1,Ada\n", "match.no_id"),
        (b"id,name\n1,Ada\n1,Ben\n", "match.ids"),
        (b"id\n1\n2\n", "match.no_fields"),
        (b"id,name\n1,\n2,\n", "match.no_fields"),
        (b"\n\n \n", "match.empty"),
        (b"\xef\xbb\xbf", "match.empty"),
        (b"id,name\n,Ada\n2,Ben\n", "match.ids"),
        (b"1,Ada\n2,Ben\n", "match.no_id"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8, "match.unreadable"),
    ],
)
def test_bad_input_ends_clearly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, code: str
) -> None:
    """A file that makes no sense ends with exit code 2, its own code and a remedy."""
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    error = _json(capsys, str(path))["error"]
    assert (error["code"], error["exit_code"]) == (code, 2)
    assert error["remedy"]


def test_mixed_encodings_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines in UTF-8 and in Windows-1252, semicolons, short rows: read, and said so."""
    path = tmp_path / "people.csv"
    rows = [b"id;Vorname;Nachname;Geburtsdatum"]
    for at in range(40):
        line = f"{at};Jörg{at % 20};Müller{at % 20};19{at % 20 + 50}-03-0{at % 8 + 1}"
        rows.append(line.encode("cp1252" if at % 2 else "utf-8"))
    path.write_bytes(b"\n".join([*rows, b"99;Ada"]))
    told = _json(capsys, str(path))
    assert told["counts"]["left"] == 41
    assert any("Windows-1252" in note for note in told["notes"])
    assert any("fewer cells" in note for note in told["notes"])


def test_nothing_asked_for_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any output the command says what to name."""
    path = tmp_path / "people.csv"
    path.write_text("id,name\n1,Ada Ash\n2,Ben Oak\n")
    assert _run(capsys, "match", str(path))[0] == 2


def test_parquet_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A Parquet file gives what the same rows give as CSV; what is none is refused clearly."""
    import duckdb

    lines = ["id,name,born"] + [f"{at},Ada Ash{at % 9},19{at % 9 + 50}-03-02" for at in range(18)]
    plain, packed = tmp_path / "people.csv", tmp_path / "people.parquet"
    plain.write_text("\n".join(lines), encoding="utf-8")
    duckdb.connect().read_csv(str(plain)).write_parquet(str(packed))
    assert _json(capsys, str(packed))["counts"] == _json(capsys, str(plain))["counts"]
    packed.write_bytes(b"not parquet")
    assert _json(capsys, str(packed))["error"]["code"] == "match.unreadable"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nobody.csv"], "match.missing"),
        (["contacts.csv", "nobody.csv"], "match.missing"),
        (["."], "match.missing"),
        (["contacts.csv", "--id", "key"], "match.no_id"),
        (["contacts.csv", "--truth", "nobody.csv"], "usage"),
        (["contacts.csv", "--truth", "one.csv"], "usage"),
        (["contacts.csv", "--why", "1", "99"], "usage"),
        (["contacts.csv", "--why", "1", "1"], "usage"),
        (["contacts.csv", "--map", "family=id"], "usage"),
        (["contacts.csv", "--compare", "id=number"], "usage"),
        (["contacts.csv", "--compare", "nothing=text"], "usage"),
        (["contacts.csv", "--compare", "city=colour"], "usage"),
        (["contacts.csv", "--map", "shoe=city"], "usage"),
        (["contacts.csv", "--model", "contacts.csv"], "match.model"),
        (["contacts.csv", "--model", "other.json"], "match.model"),
        (["contacts.csv", "--model", "kinds.json"], "match.model"),
        (["contacts.csv", "--out", "nowhere/pairs.csv"], "match.unwritable"),
        (["contacts.csv", "strangers.csv"], "match.no_fields"),
    ],
)
def test_what_cannot_be_done_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: str
) -> None:
    """Options that fit no file and files that fit no other end with exit code 2 and a remedy."""
    (folder / "one.csv").write_text("left\n1\n")
    (folder / "strangers.csv").write_text("id,shoe\n1,42\n2,43\n")
    model = _json(capsys, "contacts.csv")["model"]
    few = {**model, "fields": {"given": model["fields"]["given"]}, "near": {}}
    (folder / "other.json").write_text(json.dumps(few))
    other = {**model["fields"], "given": {**model["fields"]["family"]}}
    (folder / "kinds.json").write_text(json.dumps({**model, "fields": other, "near": {}}))
    error = _json(capsys, *words)["error"]
    assert (error["code"], error["exit_code"]) == (code, 2)
    assert error["remedy"]


def test_a_model_is_used_on_a_narrower_table(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that knows more fields than the table has links by those there are, and compares a
    column nobody knows the way it was learned."""
    rows = [(str(at), f"Ada{at}", f"Ash{at % 9}", str(at * 7)) for at in range(60)]
    for name, columns in {"wide": (0, 1, 2, 3), "short": (0, 2, 3)}.items():
        header = ("id", "first_name", "last_name", "shoe")
        lines = [",".join(row[at] for at in columns) for row in (header, *rows)]
        (folder / f"{name}.csv").write_text("\n".join(lines))
    told = _json(capsys, "wide.csv", "--compare", "shoe=text")
    (folder / "model.json").write_text(json.dumps(told))
    again = _json(capsys, "short.csv", "--model", "model.json")
    assert {one["field"]: one["kind"] for one in again["fields"]} == {
        "family": "family",
        "shoe": "text",
    }


@pytest.mark.parametrize("table", ["constant.csv", "empty_field.csv", "one.csv", "twice.csv"])
def test_odd_tables_have_a_sensible_result(
    folder: Path, capsys: pytest.CaptureFixture[str], table: str
) -> None:
    """Constant columns, a field empty throughout, one row, headers that repeat: everything is
    matched by what the rest says, and people who differ stay apart."""
    people = [f"{at},Given{at},Family{at},Berlin,," for at in range(300)]
    (folder / "constant.csv").write_text(
        "\n".join(["id,first_name,last_name,city,phone,email", *people])
    )
    (folder / "empty_field.csv").write_text(
        "\n".join(["id,first_name,last_name,city,phone,dob", *people])
    )
    (folder / "one.csv").write_text("id,first_name\n1,Ada\n")
    (folder / "twice.csv").write_text("id,name,name,name\n1,Ada Ash,x,y\n2,Ben Oak,x,z\n")
    told = _json(capsys, table)
    assert told["counts"]["links"] == 0
    assert not {one["field"] for one in told["fields"]} & {"phone", "email", "birth_date"}


@pytest.mark.parametrize(
    "query",
    ["select 1 as id, 'Ada' as name where false", "select null as id, 'Ada' as name",
     "select 7 as id, 'Ada' as name from range(3)", "select 1 as key, 'Ada' as name"],
)  # fmt: skip
def test_odd_parquet_ends_clearly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], query: str
) -> None:
    """Parquet without rows, without ids, with ids that repeat, or cut short: told, exit code 2."""
    import duckdb

    path = tmp_path / "people.parquet"
    duckdb.connect().query(query).write_parquet(str(path))
    assert _json(capsys, str(path))["error"]["exit_code"] == 2
    path.write_bytes(path.read_bytes()[:-20])
    assert _json(capsys, str(path))["error"]["code"] == "match.unreadable"


@pytest.mark.parametrize("rows", [8_000])
def test_identical_rows_take_no_more_than_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: int
) -> None:
    """However many rows are the same, as many pairs are compared as there are rows: one table, or
    two of them."""
    path = tmp_path / "same.csv"
    same = "Ada,Ash,ada@ash.example,+49 30 5551201,1980-02-01"
    lines = [f"{at},{same}" for at in range(rows)]
    path.write_text("\n".join(["id,first_name,last_name,email,phone,dob", *lines]))
    counts = _json(capsys, str(path))["counts"]
    assert counts["candidates"] < rows
    assert counts["links"] in {0, rows - 1}
    counts = _json(capsys, str(path), str(path))["counts"]
    assert counts["candidates"] <= rows
    assert counts["links"] == 0


def test_an_engine_changes_no_decision(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By Splink on DuckDB the same pairs come out, to the last digit that is written."""
    assert _run(capsys, "match", "contacts.csv", "--out", "own.csv")[0] == 0
    words = ("match", "contacts.csv", "--out", "splink.csv", "--engine", "duckdb")
    assert _run(capsys, *words)[0] == 0
    assert _rows(folder / "own.csv") == _rows(folder / "splink.csv")


@pytest.mark.usefixtures("folder")
def test_an_engine_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A name nobody knows, and Spark where it is not installed, end as a usage fault does."""
    assert command_line.main(["match", "contacts.csv", "--json", "--engine", "quantum"]) == 2
    assert "own, duckdb, spark" in capsys.readouterr().out
    if find_spec("pyspark") is None:
        assert command_line.main(["match", "contacts.csv", "--json", "--engine", "spark"]) == 2
        assert "match.engine" in capsys.readouterr().out
