"""The demo end to end, as a person starts it: in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sync.demo_report import NONE_WANTED, SHARES, failures, print_summary
from sync.demo_stage import total, write_calls

KEYS = """people_in_map crm_records_before linked created in_review duplicates_created wrong_links
missed_links events_pulled stages_before stages_moved handed_over handoffs_held sent_back
activities_logged activities_held activities_missing activities_twice
outcomes_expected outcomes_written optouts_violated unaccounted second_run_writes map_calls
crm_calls records_per_write_call write_batch_share seconds""".split()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, Path]:
    """What a small demo printed: its JSON, its messages, and where it ran."""
    place = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "sync.cli.main", "demo", "--people", "150", "--days", "2"]
    ended = subprocess.run(
        [*command, "--json"], cwd=place, capture_output=True, text=True, check=False
    )
    assert ended.stdout.count("\n") == 1, ended.stderr[-2000:]
    return {**json.loads(ended.stdout), "exit_code": ended.returncode}, ended.stderr, place


def test_the_demo_tells_every_number(played: tuple[dict[str, Any], str, Path]) -> None:
    """On stdout is one line of JSON with all the numbers; each is a number."""
    result = played[0]
    assert [key for key in KEYS if not isinstance(result.get(key), int | float)] == []


def test_the_demo_meets_its_targets(played: tuple[dict[str, Any], str, Path]) -> None:
    """Nothing is doubled, lost or written again; opt-outs and outcomes are carried over."""
    result = played[0]
    counts = {name: result[name] for name in sorted(NONE_WANTED)}
    assert counts == dict.fromkeys(counts, 0), result["evidence"]
    assert result["outcomes_written"] == result["outcomes_expected"], result["evidence"]
    assert result["exit_code"] == 0
    assert result["duplicates_created"] == 0, result["evidence"]
    assert result["wrong_links"] == 0, result["evidence"]
    assert result["missed_links"] == 0, result["evidence"]


def test_the_demo_shows_something(played: tuple[dict[str, Any], str, Path]) -> None:
    """People are linked and created, activity and outcomes flow: zeroes are no empty zeroes."""
    result = played[0]
    people = result["linked"] + result["created"] + result["in_review"]
    assert people == result["people_in_map"] > 150
    assert min(result[key] for key in ("linked", "created", "activities_logged")) > 0
    assert result["outcomes_expected"] > result["linked"]
    assert min(result[key] for key in ("stages_before", "stages_moved", "handed_over")) > 0
    assert [run["status"] for run in result["runs"]] == ["ok"] * 4


def test_the_demo_ends_with_what_both_teams_go_by(
    played: tuple[dict[str, Any], str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The funnel narrows from lead to customer, whoever was handed over was worked, not, or is
    pending, two people's stories are told, and the audit has its five checks."""
    last = played[0]["ending"]
    reached = [one["entered"] for one in last["funnel"]]
    assert reached == sorted(reached, reverse=True)
    assert reached[0] > reached[-1] > 0
    work = last["working"]
    judged = work["worked"] + work["not_worked"] + work["pending"]
    assert work["handed_over"] == judged > 0
    assert any("handed over to" in what for _, what in last["stories"]["handed_over"]["happened"])
    assert len(last["audit"]) == 5
    print_summary(played[0])
    assert "A lead that was handed over" in capsys.readouterr().out


def test_the_demo_leaves_nothing_behind(played: tuple[dict[str, Any], str, Path]) -> None:
    """Without --keep no workspace stays where it was started, and messages go to stderr."""
    _, messages, place = played
    assert list(place.iterdir()) == []
    assert "Run the first sync" in messages


def test_the_summary_says_what_missed_and_where_to_look(
    played: tuple[dict[str, Any], str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A missed target is named with its case, and the way on is shown."""
    fine = played[0] | dict.fromkeys(NONE_WANTED, 0) | {"outcomes_written": 7}
    fine |= {"outcomes_expected": 7, "in_review_share": 0.0, "config": "try/config.yaml"}
    print_summary(fine)
    said = capsys.readouterr().out
    assert "Every number meets its target." in said
    assert "leadloop --config try/config.yaml review list" in said
    print_summary(fine | {"unaccounted": 3, "evidence": {"unaccounted": ["open_writes: 3"]}})
    said = capsys.readouterr().out
    assert "Missed its target: unaccounted." in said
    assert "unaccounted: open_writes: 3" in said


def test_a_world_too_small_is_refused_in_words(tmp_path: Path) -> None:
    """What the sandbox refuses ends the demo with its reason, no traceback."""
    command = [sys.executable, "-m", "sync.cli.main", "demo", "--people", "3"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "people must be 10 to" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_failures_are_the_numbers_beyond_their_target() -> None:
    """A number that should be 0, a share above its limit and a lost outcome are each named."""
    fine: dict[str, Any] = dict.fromkeys(NONE_WANTED, 0)
    fine |= {f"{name}_share": most for name, most in SHARES.items()}
    fine |= {"outcomes_expected": 7, "outcomes_written": 7}
    assert failures(fine) == []
    worse = fine | {"unaccounted": 1, "wrong_links_share": 0.003, "outcomes_written": 6}
    assert failures(worse) == ["unaccounted", "wrong_links", "outcomes_written"]


def test_only_calls_that_change_something_are_writes() -> None:
    """Searches, batch reads and logins are POST and no writes."""
    calls = {
        "hubspot": {
            "GET": {"/crm/v3/objects/{object_type}": 3},
            "POST": {
                "/crm/v3/objects/{object_type}/search": 5,
                "/crm/v3/objects/{object_type}/batch/read": 1,
                "/crm/v3/objects/{object_type}/batch/update": 2,
            },
        },
        "salesforce": {
            "PATCH": {"/services/data/{version}/composite/sobjects": 4},
            "POST": {"/services/oauth2/token": 1},
        },
    }
    assert sum(write_calls(calls).values()) == 6
    assert total(calls, "hubspot") == 11
