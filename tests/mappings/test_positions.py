"""Reading YAML: whatever a file holds, there are nodes with places or a named fault."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.errors import ConfigurationError
from mappings.loader import load_mapping
from mappings.positions import Faults, Node, excerpt, nearest, read_document
from tests.mappings.minimal import MAPPING, write


def read(path: Path) -> Node:
    """The file's document."""
    return read_document(path, Faults())


def codes(path: Path) -> list[str]:
    """The codes of what is wrong with a mapping file."""
    try:
        load_mapping(path)
    except ConfigurationError as error:
        return [problem.code for problem in error.problems]
    return []


def test_scalars_follow_yaml_1_2(tmp_path: Path) -> None:
    """Only true and false are booleans: no, on and country codes stay text; quotes make text."""
    node = read(write(tmp_path, "[no, on, true, 12, 1.5, '12', ~, 0123, 1_000, 2026-01-01]"))
    assert isinstance(node.value, list)
    values = [item.value for item in node.value]
    assert values == ["no", "on", True, 12, 1.5, "12", None, "0123", "1_000", "2026-01-01"]


def test_values_know_their_place(tmp_path: Path) -> None:
    """Lines and columns count from one; text in quotes or blocks knows where it begins."""
    node = read(write(tmp_path, "a:\n  b: 'x'\n  c: |\n    y\n"))
    assert isinstance(node.value, dict)
    inner = node.value["a"].node.value
    assert isinstance(inner, dict)
    quoted, block = inner["b"].node, inner["c"].node
    assert (quoted.at.line, quoted.at.column) == (2, 6)
    assert quoted.text_at is not None
    assert quoted.text_at.column == 7
    assert block.text_at is not None
    assert (block.text_at.line, block.text_at.column) == (4, 5)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"x" * 10_000_000, "config.too_large"),
        (b"a: [" + b"[" * 3_000, "config.too_deep"),
        (b"a: &a [x]\nb: [*a, *a]\n", "config.alias"),
        (b"a: !!python/object:os.system {}\n", "config.tag"),
        (b"\xff\xfe\x00", "config.encoding"),
        (b"a: \x00", "config.syntax"),
        (b"a: 'open", "config.syntax"),
        (b"%YAML 9.9\n---\na: b", "config.syntax"),
        (b"", "config.wrong_type"),
        (b"- a\n- b\n", "config.wrong_type"),
        (b"? [a, b]\n: c\n", "config.wrong_type"),
    ],
)
def test_a_hostile_file_is_refused(content: bytes, code: str, tmp_path: Path) -> None:
    """Floods, bombs, tags, binary and broken files end as one named fault, quickly."""
    path = tmp_path / "mapping.yaml"
    path.write_bytes(content)
    assert code in codes(path)


def test_a_missing_file_is_a_named_fault(tmp_path: Path) -> None:
    """A file that is not there is said to be unreadable."""
    assert codes(tmp_path / "none.yaml") == ["config.unreadable"]


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_no_bytes_cause_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Random bytes load or fail as ConfigurationError, nothing else."""
    path = tmp_path_factory.mktemp("fuzz") / "mapping.yaml"
    path.write_bytes(data)
    assert isinstance(codes(path), list)


def test_no_damage_to_a_mapping_causes_a_traceback(tmp_path: Path) -> None:
    """Cut, doubled, swapped and sprinkled, a mapping loads or fails as ConfigurationError."""
    draw = random.Random(7)
    path = tmp_path / "mapping.yaml"
    for _ in range(300):
        text = MAPPING
        for _ in range(draw.randint(1, 4)):
            start = draw.randrange(len(text))
            end = min(len(text), start + draw.randint(0, 12))
            junk = "".join(draw.choice("{}[]:,&*!|>'\"%@`#-? \n\tab0~\u2028\x07") for _ in range(3))
            text = text[:start] + draw.choice(["", junk, text[start:end] * 2]) + text[end:]
        path.write_text(text, encoding="utf-8")
        assert isinstance(codes(path), list)


def test_an_excerpt_hides_secrets() -> None:
    """The line shown with a fault never holds a secret, whatever its key or address."""
    assert "pat-1" not in excerpt('  access_token: "pat-1"', 3)
    assert "pat-1" not in excerpt("hubspot: {kind: hubspot, 'access_token': pat-1}", 3)
    assert "pw" not in excerpt("url: postgresql://me:pw@host/db", 1)
    assert "client_secret: ${NAME}" in excerpt("client_secret: ${NAME}", 1)


def test_an_excerpt_points_at_the_column() -> None:
    """The caret stands under the column, in long lines too."""
    line, caret = excerpt("abc: def", 6).split("\n")
    assert line[caret.index("^")] == "d"
    line, caret = excerpt("x" * 500 + "HERE" + "y" * 500, 501).split("\n")
    assert line[caret.index("^") :].startswith("HERE")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("Firstname", "FirstName"), ("first_name", "FirstName"), ("zzz", None), ("", None)],
)
def test_the_nearest_name_is_found(name: str, meant: str | None) -> None:
    """Case, underscores and slips do not hide what was meant; nonsense suggests nothing."""
    assert nearest(name, ["FirstName", "LastName", "Email"]) == meant
