"""The mapping as it was, and what the difference comes to: in words, and value by value."""

from __future__ import annotations

import subprocess
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mappings.difference import differences
from mappings.errors import ConfigurationError
from mappings.loader import load_mapping
from mappings.render import mapping_data
from sync import old_mapping
from sync.compare import compared
from sync.config import Config, load_config
from sync.workspace import example_config
from tests.mappings.minimal import MAPPING, write
from tests.sync.test_guard import UPDATE, intent
from tests.sync.world import World

ENVIRONMENT = {
    "HUBSPOT_TOKEN": "t", "SALESFORCE_CLIENT_ID": "i", "SALESFORCE_CLIENT_SECRET": "s",
}  # fmt: skip
CHANGED = MAPPING.replace("overwrite: always", "overwrite: if_blank").replace(
    "  email_open: rollup\n", '  email_open: "off"\n'
)


def git(directory: Path, *words: str) -> None:
    """Run git, with a person it can sign with."""
    named = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    subprocess.run(["git", "-C", str(directory), *named, *words], check=True, capture_output=True)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A workspace below the root of a repository: one commit, and a change after it."""
    workspace = tmp_path / "crm"
    (workspace / "mappings").mkdir(parents=True)
    (workspace / "config.yaml").write_text(example_config(), encoding="utf-8")
    write(workspace / "mappings", MAPPING, "people.yaml")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "As it was")
    write(workspace / "mappings", CHANGED, "people.yaml")
    return load_config(workspace / "config.yaml", environ=ENVIRONMENT)


def test_a_commit_says_what_the_mapping_was(config: Config, tmp_path: Path) -> None:
    """Read from git, without a checkout: the files stay as they are."""
    found = old_mapping.from_git(config, config.pairs[0], "HEAD")
    assert found.hash == load_mapping(write(tmp_path, MAPPING)).hash
    assert config.pairs[0].mapping.hash != found.hash


def test_a_directory_may_be_a_workspace_or_hold_mappings(config: Config, tmp_path: Path) -> None:
    """A copy of the workspace has its mapping where the configuration says."""
    copy = tmp_path / "copy" / "mappings"
    copy.mkdir(parents=True)
    write(copy, MAPPING)
    pair = config.pairs[0]
    whole = old_mapping.from_directory(config, pair, tmp_path / "copy")
    assert whole.hash == old_mapping.from_directory(config, pair, copy).hash


@pytest.mark.parametrize(
    ("revision", "code"),
    [("no-such-branch", "git.failed"), ("--output=x", "git.failed"), ("", "git.failed")],
)
def test_a_commit_there_is_not(revision: str, code: str, config: Config) -> None:
    """Whatever stands in a commit's place is never taken for an option."""
    with pytest.raises(ConfigurationError) as caught:
        old_mapping.from_git(config, config.pairs[0], revision)
    assert caught.value.code == code


def test_places_without_a_mapping(config: Config, tmp_path: Path) -> None:
    """A directory without one, and a commit before there was one."""
    with pytest.raises(ConfigurationError) as caught:
        old_mapping.from_directory(config, config.pairs[0], tmp_path / "nowhere")
    assert caught.value.code == "config.missing"
    git(tmp_path, "rm", "-q", "-r", "--cached", "crm/mappings")
    git(tmp_path, "commit", "-q", "-m", "Without")
    with pytest.raises(ConfigurationError) as caught:
        old_mapping.from_git(config, config.pairs[0], "HEAD")
    assert caught.value.code == "config.missing"


def test_differences_are_named_rule_by_rule(tmp_path: Path) -> None:
    """What is said otherwise, what is new, what is gone; comments and order are nothing."""
    more = CHANGED.replace("activities:", "# a word\nactivities:").replace(
        "      - map: email\n        crm: Email\n        owner: map\n        type: email\n", ""
    )
    documents = [mapping_data(load_mapping(write(tmp_path, text))) for text in (MAPPING, more)]
    found = {one.where: (one.before, one.after) for one in differences(*documents)}
    gone = found.pop("people: email>Contact.Email/Lead.Email")
    assert found == {
        "people: firstname>Contact.FirstName/Lead.FirstName: overwrite": ("always", "if_blank"),
        "activities: email_open": ("rollup", "off"),
    }
    assert (gone[0]["type"], gone[1]) == ("email", None)
    assert differences(documents[0], documents[0]) == []


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two people whose job titles HubSpot knows."""
    built = World.build(tmp_path)
    for name in ("Byron", "Hopper"):
        built.contact("Ada", name, jobtitle="engineer")
        built.lead("Ada", name)
    built.first()
    yield built
    built.close()


def test_records_are_compared_value_by_value(world: World) -> None:
    """Counted by field: what is written under one mapping alone, and what is written otherwise."""
    mapping = world.pair.mapping
    before = list(world.planned().planned.intents())
    people, *rest = mapping.objects
    rules = tuple(
        replace(r, transform=("upper",)) if r.map == "jobtitle" else r for r in people.fields
    )
    other = replace(mapping, objects=(replace(people, fields=rules), *rest), hash="other")
    world.pair = replace(world.pair, mapping=other)
    after = list(world.planned().planned.intents())
    documents = mapping_data(mapping), mapping_data(other)
    told = compared((documents[0], before), (documents[1], after), samples=1)
    assert told["writes"] == {"old": 0, "new": 2}
    assert told["fields"] == [
        {"side": "crm", "object": "Lead", "field": "Title", "added": 2, "dropped": 0, "altered": 0}
    ]
    [sample] = told["samples"]
    assert (sample["now"], sample["old"], sample["new"]) == ("engineer", "engineer", "ENGINEER")
    assert [one["where"] for one in told["mapping"]] == [
        "people: jobtitle>Contact.Title/Lead.Title: transform"
    ]
    back = compared((documents[1], after), (documents[0], before), samples=0)
    assert [row["dropped"] for row in back["fields"]] == [2]


def test_ten_thousand_writes_are_compared_without_being_held() -> None:
    """Plans for everybody are gone through, not kept: comparing them takes two MiB, of which the
    table's own pages are no part, and every write is told."""
    document: dict[str, object] = {"objects": {}}
    tracemalloc.start()
    try:
        told = compared(
            (document, (intent(number, UPDATE) for number in range(10_000))),
            (document, (intent(number, UPDATE) for number in range(5_000, 15_000))),
            samples=1,
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert told["writes"] == {"old": 10_000, "new": 10_000}
    [row] = told["fields"]
    assert (row["added"], row["dropped"], row["altered"]) == (5_000, 5_000, 0)
    assert {one["what"] for one in told["samples"]} == {"added", "dropped"}
    assert peak < 2 * 2**20
