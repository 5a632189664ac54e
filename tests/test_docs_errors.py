"""docs/errors.md lists every error code there is, and none that has gone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from mappings import errors
from mappings.errors import LeadloopError
from tests.house import ROOT, open_rooms, parsed, sources

PAGE = ROOT / "docs" / "errors.md"
CODE = re.compile(r"[a-z]+\.[a-z_]+")
BARE = {"internal", "usage"}
"""The two codes of one word."""
FILE_NAMES = ("yaml", "json", "py", "md", "com", "pem", "lock", "sqlite3")
LOGGING = {"debug", "info", "warning", "error", "exception", "critical", "tell"}
"""Methods of a logger (and the daemon's name for one): their first word is an event's name."""


def _rooms() -> list[str]:
    return [room for room in open_rooms() if room != "sandbox"]


def _trees() -> Iterator[ast.Module]:
    for path in sources(*_rooms()):
        yield parsed(path)


def _given(tree: ast.AST) -> Iterator[str]:
    """Literals given as codes: `default_code = "..."`, `code="..."`, the first of a Finding."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named = {target.id for target in targets if isinstance(target, ast.Name)}
            if named & {"default_code", "code"} and node.value is not None:
                yield from _literals(node.value)
        elif isinstance(node, ast.keyword) and node.arg == "code":
            yield from _literals(node.value)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding" and node.args:
            yield from _literals(node.args[0])


def _literals(node: ast.AST) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def _events(tree: ast.AST) -> Iterator[str]:
    """Names of log events, which look like codes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in LOGGING:
                yield from _literals(node.args[0])


def _codes() -> set[str]:
    """Every code in the source: those given as such, and literals of the same families."""
    given = {code for tree in _trees() for code in _given(tree)}
    certain = {code for code in given if CODE.fullmatch(code) or code in BARE}
    families = {code.partition(".")[0] for code in certain}
    events = {name for tree in _trees() for name in _events(tree)}
    alike = {
        text
        for tree in _trees()
        for text in _literals(tree)
        if CODE.fullmatch(text)
        and text.partition(".")[0] in families
        and text.rpartition(".")[2] not in FILE_NAMES
    }
    return certain | (alike - events)


def _listed() -> list[tuple[str, str]]:
    """Code and exit code of each row of the page."""
    rows = re.findall(
        r"^\| `([a-z._]+)` \| [^|]+ \| ?(\d*) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    return [(str(code), str(status)) for code, status in rows]


def _classes(root: type[LeadloopError] = LeadloopError) -> Iterator[type[LeadloopError]]:
    yield root
    for below in root.__subclasses__():
        yield from _classes(below)


def test_every_code_is_listed() -> None:
    """A code that the source can raise or report stands in the page."""
    assert _codes() - {code for code, _ in _listed()} == set()


def test_no_listed_code_has_gone() -> None:
    """A code in the page is one that the source still knows."""
    assert {code for code, _ in _listed()} - _codes() == set()


def test_a_code_is_listed_once() -> None:
    """No code stands in two groups: it would have two ways to recover."""
    codes = [code for code, _ in _listed()]
    assert len(codes) == len(set(codes)) > 100


@pytest.mark.parametrize("error", list(_classes()), ids=lambda error: error.__name__)
def test_exit_codes_are_those_of_the_classes(error: type[LeadloopError]) -> None:
    """The exit code beside a class's own code is the one the class ends with."""
    if error.__module__ != errors.__name__:
        pytest.skip("a class of another room or of a test, whose code stands there")
    assert dict(_listed())[error.default_code] == str(error.exit_code)


def test_every_class_has_a_remedy() -> None:
    """No error leaves a person without a next step."""
    assert [one.__name__ for one in _classes() if not one.default_remedy.strip()] == []
