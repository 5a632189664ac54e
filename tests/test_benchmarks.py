"""The benchmark measures what it says, on a tiny world; no time is claimed."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import figures
from benchmarks.figures import WriteCount
from benchmarks.linkage import fake_1000
from benchmarks.watch import OTHER, Stopwatch, peak_rss_mib, stage_of
from sync.reporting_words import Kind

PEOPLE = 60


@pytest.fixture(scope="module")
def synced() -> dict[str, Any]:
    """The backfill, its peer and the cycles of sixty people, as JSON keeps them."""
    measured = json.loads(json.dumps(command.measure(PEOPLE, ("sync", "cycle"))))
    assert isinstance(measured, dict)
    return measured


def test_the_settings_stand_beside_the_figures(synced: dict[str, Any]) -> None:
    """The figures say under which conditions they hold: size, limits, latency, machine."""
    settings = synced["settings"]
    assert (settings["people"], settings["crm_records"]) == (PEOPLE, PEOPLE)
    assert settings["vendor_rate_limits"] == "off"
    assert settings["vendor_latency_seconds"] == 0
    assert settings["machine"]["cpus"] >= 1


def test_a_backfill_has_its_figures(synced: dict[str, Any]) -> None:
    """Speed, stages, calls, memory and batches of the first sync are all there and above zero."""
    sync = synced["sync"]
    assert sync["people"] == PEOPLE
    assert sync["people_per_second"] > 0
    assert sync["peak_rss_mib"] > 0
    assert {"pull", "resolve", "plan", "apply"} <= set(sync["seconds_by_stage"])
    assert sync["linked"] + sync["created"] + sync["to_review"] >= PEOPLE
    assert set(sync["calls_per_1000_people"]) == {"hubspot", "salesforce", "all"}


def test_stages_add_up_to_the_whole(synced: dict[str, Any]) -> None:
    """The seconds of the stages are those of the run, within what sampling can tell."""
    sync = synced["sync"]
    assert sum(sync["seconds_by_stage"].values()) == pytest.approx(sync["seconds"], abs=0.5)


def test_every_row_is_in_a_batch(synced: dict[str, Any]) -> None:
    """Rows by object add up to the rows the run settled; no call carries more than it may."""
    sync = synced["sync"]
    writes = sync["writes"]
    assert sum(one["records"] for one in writes["by_object"]) == writes["over_all"]["records"]
    assert writes["over_all"]["records"] == sum(sync["rows"].values())
    assert writes["over_all"]["calls"] < sync["calls"]["all"]
    assert all(0 < one["share_of_largest_batch"] <= 1 for one in writes["by_object"])
    for system, largest in figures.LARGEST_BATCH.items():
        one = writes["by_system"][system]
        own = [each for each in writes["by_object"] if each["system"] == system]
        assert one["largest_batch"] == largest
        assert one["records"] == sum(each["records"] for each in own)
        assert one["calls"] == sum(each["calls"] for each in own)


def test_the_peer_works_one_by_one(synced: dict[str, Any]) -> None:
    """The peer handles every contact and takes more calls for each than Leadloop."""
    sync, peer = synced["sync"], synced["sync"]["peer"]
    assert sum(peer["outcomes"].values()) == peer["people"] == PEOPLE
    assert peer["outcomes"]["created"] + peer["outcomes"]["updated"] > 0
    assert sync["ratios"]["fewer_calls"]["all"] > 1


def test_a_quiet_cycle_is_silent(synced: dict[str, Any]) -> None:
    """Nothing has changed: no stream takes more than one call, nothing is pulled or written."""
    unchanged = synced["cycle"]["unchanged"]
    assert unchanged["most_calls_per_stream"] == 1
    assert unchanged["written"] == unchanged["pulled"] == 0
    assert unchanged["streams"] > 5


@pytest.mark.parametrize("name", ["reading_back", "unchanged", "changed"])
def test_calls_of_a_cycle_add_up(synced: dict[str, Any], name: str) -> None:
    """Calls by stream and the others are all the calls the vendors counted."""
    cycle = synced["cycle"][name]
    assert sum(cycle["calls_per_stream"].values()) + cycle["other_calls"] == cycle["calls"]["all"]
    assert cycle["calls"]["hubspot"] + cycle["calls"]["salesforce"] == cycle["calls"]["all"]
    assert cycle["other_calls"] >= 0


def test_an_edited_percent_is_synced(synced: dict[str, Any]) -> None:
    """One person in a hundred was edited, and what was edited was written."""
    changed = synced["cycle"]["changed"]
    assert changed["edited"] == 1
    assert changed["pulled"] >= 1
    assert changed["written"] >= 1


def test_linkage_stands_beside_its_peer() -> None:
    """Both get a precision, a recall and an F1 that follow from their pairs."""
    from benchmarks import linkage

    labelled = fake_1000(linkage.FAKE_1000)
    if labelled is None:
        pytest.skip("fake_1000.csv is not beside this checkout")
    found = linkage.compared(labelled)
    assert found["true_pairs"] == 2031
    for one in (found["leadloop"], found["ecm"]):
        assert one["precision"] == pytest.approx(one["right"] / one["pairs"], abs=1e-4)
        assert one["recall"] == pytest.approx(one["right"] / 2031, abs=1e-4)
    assert found["ratios"]["f1"] == pytest.approx(
        found["leadloop"]["f1"] / found["ecm"]["f1"], abs=0.001
    )


def test_labelled_data_may_be_absent(tmp_path: Path) -> None:
    """Where the labelled file is not there, its part is left out."""
    assert fake_1000(tmp_path / "fake_1000.csv") is None


def test_the_last_line_is_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Output ends with every figure as one JSON object; above it stands the same as a table."""
    assert command.main(["--only", "help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = json.loads(lines[-1])
    assert set(told) == {"format", "settings", "help"}
    assert told["help"]["runs"] == 10
    assert any(line.startswith("help.ratio ") for line in lines[:-1])


@pytest.mark.parametrize("arguments", [["--people", "0"], ["--only", "everything"]])
def test_bad_options_are_refused(arguments: list[str]) -> None:
    """A size or a part that cannot be measured ends in exit code 2."""
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2


def test_quality_counts_pairs() -> None:
    """Precision, recall and F1 by hand: two of three found are right, two of four were found."""
    told = figures.quality({("a", "1"), ("b", "2"), ("c", "9")}, {(x, y) for x, y in _four()})
    assert (told["precision"], told["recall"], told["f1"]) == (0.66667, 0.5, 0.57143)


def _four() -> list[tuple[str, str]]:
    return [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]


def test_nothing_found_has_no_precision() -> None:
    """No pairs found is a recall of zero and no precision at all, not a perfect one."""
    told = figures.quality(set(), {("a", "1")})
    assert (told["precision"], told["recall"], told["f1"]) == (None, 0.0, 0.0)


def test_shares_weigh_each_system_by_its_own_batch() -> None:
    """100 records in one HubSpot call are all of it, 100 in one Salesforce call are half."""
    told = figures.write_figures(
        [
            WriteCount("hubspot", "contacts", "update", 100, 1),
            WriteCount("salesforce", "Lead", "create", 100, 1),
        ]
    )
    assert [one["share_of_largest_batch"] for one in told["by_object"]] == [1.0, 0.5]
    assert told["over_all"]["share_of_largest_batch"] == pytest.approx(200 / 300, abs=0.001)


def test_associations_have_a_larger_batch() -> None:
    """HubSpot joins two thousand records in a call: a hundred of them are a twentieth."""
    told = figures.write_figures([WriteCount("hubspot", "deals", "associate", 100, 1)])
    assert told["over_all"]["share_of_largest_batch"] == 0.05


def test_no_calls_have_no_share() -> None:
    """What was never written has no records per call."""
    told = figures.write_figures([])
    assert told["over_all"]["records_per_call"] is None
    assert told["by_system"]["hubspot"]["share_of_largest_batch"] is None


def test_the_estimate_adds_a_round_trip_for_each_call() -> None:
    """Ten people in one second and forty calls are ten people in five seconds at 100 ms a call."""
    told = figures.speed_figures(10, 1.0, {"hubspot": 10, "salesforce": 30})
    assert told["people_per_second"] == 10.0
    assert told[figures.ESTIMATE] == 2.0
    assert told["calls_per_1000_people"]["all"] == 4000.0


def test_a_stage_is_known_by_its_function() -> None:
    """A stack without a stage on it is `other`, and time spent there is counted as such."""
    assert stage_of(inspect.currentframe()) == OTHER
    assert stage_of(None) == OTHER
    with Stopwatch() as watch:
        while sum(watch.stages.values()) == 0:
            continue
    assert set(watch.stages) == {OTHER}


def test_memory_is_this_process_own() -> None:
    """The peak is at least what an interpreter takes, where the system tells it."""
    peak = peak_rss_mib()
    if peak is None:
        pytest.skip("this system has no /proc")
    assert peak > 5


def test_a_backlog_of_events_is_read_once() -> None:
    """The short form of the reading: 7,000 e-mail events and 600 submissions, thousands of one
    instant among them, land once each; calls are as few as the pages; a second pull brings none."""
    found = command.measure(1, ("reading",), backlog=(7_000, 600))["reading"]
    assert (found["landed"], found["lost"], found["repeated"]) == (7_600, 0, 0)
    assert found["second_pull"]["news"] == 0
    assert found["calls"] <= 7 + 12 + 20
    assert found["rss_mib"]["at_100_percent"] is not None


def test_a_large_object_is_read_both_ways() -> None:
    """The short form of the reading by a job: both ways read every record, and the figures name the
    calls of each and where Leadloop switches."""
    from benchmarks.bulk_reading import bulk_reading
    from connectors.salesforce_bulk_read import READ_FROM

    found = bulk_reading(lambda _: None, (500, 2_500))
    assert all(row["query_calls"] >= row["rows"] / 2_000 for row in found["sizes"])
    assert all(row["bulk_calls"] >= 4 for row in found["sizes"])
    assert found["configured_from"] == READ_FROM
    assert found["switch"] == {"by_calls": None, "by_calls_if_busy": None}


def test_reports_over_a_history_look_at_everybody() -> None:
    """The short form of the reports' measurement: audit and reports each see all 120 people, some
    with opportunities, and say how long they took and how much memory there was."""
    found = command.measure(120, ("reports",))["reports"]
    assert (found["people"], found["events"]) == (120, 2_400)
    works = [name for name in found if name == "audit" or name.startswith("report ")]
    assert works[0] == "audit"
    assert {f"report {kind}" for kind in Kind} < set(works)
    assert all(found[name]["cpu_seconds"] >= 0 for name in works)


def test_a_large_table_is_linked_by_both() -> None:
    """The short form of the scale: both read the same files, each in a process of its own, and
    find next to everybody; every figure has its ratio."""
    from benchmarks.scale import scale

    told: list[str] = []
    [found] = scale(told.append, ((1_200, 500),)).values()
    assert found["leadloop"]["f1"] > 0.97
    assert found["splink"]["right"] > 200
    assert set(found["ratios"]) == {"seconds", "cpu_seconds", "peak_rss_mib"}
    assert all(found[who]["peak_rss_mib"] > 50 for who in ("leadloop", "splink"))
    assert len(told) == 1


def test_writing_fills_the_vendors_calls() -> None:
    """What a backfill writes of 250 people goes out in calls that are full but for the last: a Lead
    each, and the contact that learns its id."""
    writing = command.measure(250, ("writing",))["writing"]
    assert writing["rows"] == {"ok": 500}
    leads, contacts = (
        next(one for one in writing["writes"]["by_object"] if one["object"] == name)
        for name in ("Lead", "contacts")
    )
    assert (leads["records"], leads["calls"]) == (250, 2)
    assert (contacts["records"], contacts["calls"]) == (250, 3)


def test_one_person_against_a_population_is_measured(database_url: str) -> None:
    """The short form of the online figures, on both databases: people are found among 400, and
    every time has its percentiles."""
    from benchmarks.online import online

    found = online(400, lambda _: None, database_url)
    assert found["index_mib"] > 0
    assert found["rss_mib"].keys() >= {"after_10%", "after_100%"}
    for name in ("durable_ms", "in_memory_ms"):
        assert found[name]["candidates"]["most"] > 0
        assert found[name]["found"] > 0.9
        for clock in ("clock", "cpu"):
            looked, decided = (found[name][what][clock] for what in ("look", "decide"))
            assert 0 < looked["p50"] <= decided["p99"] <= decided["max"]
    assert found["durable_ms"]["found"] == found["in_memory_ms"]["found"]
    assert 0 < found["upsert_ms"]["cpu"]["p50"] <= found["upsert_ms"]["cpu"]["p99"]


def test_rows_that_say_nothing_are_measured() -> None:
    """The short form of the rubbish: 3,000 rows that are all the same cost no more pairs than
    rows."""
    from benchmarks.rubbish import rubbish

    found = rubbish(3_000, lambda _: None, ("identical rows",))
    assert found["identical rows, deduped"]["candidates"] < 3_000
    assert found["identical rows, linked"]["candidates"] <= 3_000
    assert found["identical rows, linked"]["links"] == 0


def test_everybody_is_planned_against_the_sandbox() -> None:
    """The command plans everybody it was told to link, in a process of its own, under a changed
    rule and under a new one."""
    found = command.measure(20, ("planning_sandbox",))["planning_sandbox"]
    for what in ("changed_rule", "new_field"):
        assert found[what]["cpu_seconds"] > 0
        assert found[what]["calls"]["hubspot"] > 0
        assert set(found[what]["rss_mib"]) == {f"at_{n}_percent" for n in (25, 50, 75, 100)}
