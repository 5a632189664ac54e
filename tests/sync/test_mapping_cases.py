"""`leadloop test-mapping`: cases hold, or are named with what would happen instead."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sync.cli.main import main
from sync.workspace import preset_text
from tests.house import ROOT

PAGE = ROOT / "docs" / "how-to" / "test-a-mapping.md"
EXAMPLE = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)[0]
GUIDE = ROOT / "docs" / "how-to" / "change-values.md"
ADA = "{firstname: Ada, lastname: Example, email: ada@example.com}"
LEAD = '{FirstName: Ada, LastName: Example, Email: ada@example.com, Company: "[not provided]"}'
NEW = f"given: {{map: {ADA}}}"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The preset as the mapping, and a place for cases."""
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "people.yaml").write_text(preset_text(), encoding="utf-8")
    (tmp_path / "mapping-tests").mkdir()
    return tmp_path


def judged(workspace: Path, cases: str, *words: str) -> int:
    """Exit code of the command on the workspace's mapping and those cases."""
    places = [str(workspace / cases), "--mapping", str(workspace / "mappings")]
    return main(["test-mapping", *places, *words])


def run(workspace: Path, text: str, *words: str) -> int:
    """Exit code of the command on these cases."""
    (workspace / "mapping-tests" / "cases.yaml").write_text(text, encoding="utf-8")
    return judged(workspace, "mapping-tests", *words)


def case(body: str, *, object_name: str = "people") -> str:
    """A file of one case; its name stands in line 3."""
    return f"format: 1\ncases:\n  - name: shown\n    object: {object_name}\n    {body}\n"


def test_the_example_holds(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the guide shows passes against the preset, and is listed."""
    code = run(workspace, EXAMPLE, "--json")
    printed = capsys.readouterr()
    assert code == 0, printed.out
    assert len(json.loads(printed.out)["cases"]) == 3


def test_the_guide_to_values_says_what_would_be_written(tmp_path: Path) -> None:
    """The mapping of the guide, judged by the guide's own cases."""
    rules, cases = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    for folder, text in (("mappings", rules), ("mapping-tests", cases)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "people.yaml").write_text(text, encoding="utf-8")
    assert judged(tmp_path, "mapping-tests") == 0


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (f"{NEW}\n    expect: {{crm: {{Lead: {LEAD.replace('Ada', 'Eve')}}}}}", "would be `Ada`"),
        (f"{NEW}\n    expect: {{crm: {{Contact: {{FirstName: Ada}}}}}}", "it would write Lead"),
        (NEW, "would be written, too"),
        (
            f"{NEW}\n    expect: {{crm: {{Lead: {LEAD}}}, rejected: [value.too_long]}}",
            "`rejected` would be []",
        ),
        (
            f"{NEW}\n    expect: {{map: {{jobtitle: Head}}, crm: {{Lead: {LEAD}}}}}",
            "`jobtitle` would not be written",
        ),
    ],
)
def test_a_case_that_does_not_hold_is_named(
    body: str, says: str, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its line, what would be written instead, and exit code 3."""
    assert run(workspace, case(body), "--json") == 3
    (problem,) = json.loads(capsys.readouterr().out)["error"]["problems"]
    assert (problem["code"], problem["line"]) == ("config.case_failed", 3)
    assert says in problem["message"]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (case("given: {map: {firstnam: Ada}}"), "config.unknown_field", 5),
        (case("given: {crm: {Leed: {LastName: E}}}"), "config.unknown_object", 5),
        (case("given: {map: [Ada]}"), "config.wrong_type", 5),
        (case("given: {map: {firstname: [Ada]}}"), "config.wrong_type", 5),
        (case("givn: {}"), "config.missing_key", 3),
        (case("given: {}", object_name="peopel"), "config.unknown_object", 4),
        ("cases: []\n", "config.missing_key", 1),
        ("format: 2\ncases: []\n", "config.out_of_range", 1),
        ("- 1\n", "config.wrong_type", 1),
    ],
)
def test_a_slip_in_a_case_is_named(
    text: str, code: str, line: int, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cases are checked like mappings are: a slip never passes for a case that holds."""
    assert run(workspace, text, "--json") == 3
    problems = json.loads(capsys.readouterr().out)["error"]["problems"]
    assert (code, line) in {(p["code"], p["line"]) for p in problems}


def test_no_cases_are_no_success(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path without cases is refused, so that CI never passes on nothing."""
    assert judged(workspace, "elsewhere") == 3
    assert judged(workspace, "mapping-tests") == 3
    assert "There are no cases" in capsys.readouterr().err


def test_an_excluded_person_is_left_alone(workspace: Path) -> None:
    """The mapping's condition is judged, too."""
    file = workspace / "mappings" / "people.yaml"
    text = file.read_text(encoding="utf-8")
    changed = re.sub(r"# (include: '[^']*')", r"\1", text)
    assert changed != text
    file.write_text(changed, encoding="utf-8")
    out = NEW.replace("firstname", "lifecyclestage: subscriber, firstname")
    assert run(workspace, case(out)) == 0


def test_a_deal_is_created_from_an_opportunity(workspace: Path) -> None:
    """Creation on the MAP side, with its picklist."""
    given = "given: {crm: {Opportunity: {Name: Pumps, StageName: Closed Won, Amount: 12.5}}}"
    expect = "expect: {map: {dealname: Pumps, dealstage: closedwon, amount: 12.50}}"
    assert run(workspace, case(f"{given}\n    {expect}", object_name="deals")) == 0
