"""config.yaml in layers: included files, the file itself, the chosen profile; places are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.errors import ConfigurationError, Problem
from sync.config import Config, load_config
from sync.workspace import example_config
from tests.mappings.minimal import MAPPING

ENVIRONMENT = {
    "HUBSPOT_TOKEN": "t", "SALESFORCE_CLIENT_ID": "i", "SALESFORCE_CLIENT_SECRET": "s",
}  # fmt: skip
PROFILES = """
profiles:
  sandbox:
    systems:
      hubspot: {account_id: "777"}
    state: {url: "sqlite:///sandbox.sqlite3"}
    guard:
      creates: {count: 5}
  production:
    log_level: warning
"""
SHARED = """\
guard:
  creates: {share: 0.2, count: 7}
  floor: 3
log_level: error
"""


def workspace(directory: Path, more: str, **files: str) -> Path:
    """A workspace whose config.yaml ends with this text."""
    (directory / "mappings").mkdir()
    (directory / "mappings" / "people.yaml").write_text(MAPPING, encoding="utf-8")
    for name, text in files.items():
        (directory / f"{name}.yaml").write_text(text, encoding="utf-8")
    (directory / "config.yaml").write_text(example_config() + more, encoding="utf-8")
    return directory / "config.yaml"


def loaded(path: Path, profile: str | None = None, **environment: str) -> Config:
    """The configuration."""
    return load_config(path, environ=ENVIRONMENT | environment, profile=profile)


def problem(path: Path, profile: str | None = None) -> Problem:
    """The one problem there is."""
    with pytest.raises(ConfigurationError) as caught:
        loaded(path, profile)
    (found,) = caught.value.problems
    return found


def test_a_profile_lies_over_the_rest(tmp_path: Path) -> None:
    """Keys are joined at every depth: what a profile does not name stays as it is."""
    path = workspace(tmp_path, PROFILES)
    plain, sandbox = loaded(path), loaded(path, "sandbox")
    assert plain.pairs[0].map_system.account_id == "8812345"
    assert sandbox.pairs[0].map_system.account_id == "777"
    assert sandbox.pairs[0].map_system.settings == plain.pairs[0].map_system.settings
    assert sandbox.state_url.endswith("sandbox.sqlite3")
    assert (plain.guard.creates.count, sandbox.guard.creates.count) == (1_000, 5)
    assert sandbox.guard.creates.share == plain.guard.creates.share
    assert plain.hash != sandbox.hash


def test_the_environment_chooses_a_profile(tmp_path: Path) -> None:
    """A service chooses by LEADLOOP_PROFILE; the command line's word counts more."""
    path = workspace(tmp_path, PROFILES)
    assert loaded(path, LEADLOOP_PROFILE="production").log_level == "warning"
    assert loaded(path, "sandbox", LEADLOOP_PROFILE="production").log_level == "info"
    assert loaded(path, LEADLOOP_PROFILE="").log_level == "info"


def test_an_included_file_lies_below(tmp_path: Path) -> None:
    """The file that includes has the last word; of several included ones, the last."""
    more = "include: [first.yaml, shared.yaml]\nguard: {floor: 9}\n"
    path = workspace(tmp_path, more, first="log_level: debug\ntenant: ours\n", shared=SHARED)
    config = loaded(path)
    assert (config.guard.floor, config.guard.creates.count) == (9, 7)
    assert (config.log_level, config.tenant) == ("error", "ours")


def test_everything_may_stand_in_included_files(tmp_path: Path) -> None:
    """config.yaml itself may hold nothing but the list."""
    path = workspace(tmp_path, "", shared=example_config())
    path.write_text("include: shared.yaml\n", encoding="utf-8")
    assert loaded(path).pairs[0].name == "main"


@pytest.mark.parametrize(
    ("more", "profile", "code", "file", "says"),
    [
        (PROFILES, "sandbx", "config.unknown_profile", "config.yaml", "sandbox"),
        ("", "sandbox", "config.unknown_profile", "config.yaml", "--profile"),
        ("include: shred.yaml\n", None, "config.missing_file", "config.yaml", "path"),
        ("include: wrong.yaml\n", None, "config.wrong_type", "wrong.yaml", "a number"),
        ("include: odd.yaml\n", None, "config.unknown_key", "odd.yaml", "guard"),
        ("include: layers.yaml\n", None, "config.unknown_key", "layers.yaml", "Remove"),
        (PROFILES.replace("guard:", "gaurd:"), None, "config.unknown_key", "config.yaml", "guard"),
        (PROFILES.replace("count: 5", "count: many"), "sandbox", "config.wrong_type",
         "config.yaml", "a number"),
        ("profiles: [sandbox]\n", None, "config.wrong_type", "config.yaml", "mapping"),
    ],
)  # fmt: skip
def test_a_fault_is_named_where_it_stands(
    more: str, profile: str | None, code: str, file: str, says: str, tmp_path: Path
) -> None:
    """Once, in its own file and line, whichever layer it is in."""
    files = {
        "shared": SHARED, "odd": "gard: {}\n", "layers": "include: shared.yaml\n",
        "wrong": "retention:\n  inbox_days: many\n",
    }  # fmt: skip
    found = problem(workspace(tmp_path, more, **files), profile)
    assert (found.code, found.at.file) == (code, file)
    assert says in f"{found.message} {found.fix}"
    assert found.excerpt


def test_values_of_every_profile_are_checked(tmp_path: Path) -> None:
    """Where that is asked for, a slip in a profile that is not chosen is told on its line; a
    variable or a file that only the profile's own machine has is not."""
    more = PROFILES.replace(
        "log_level: warning", "log_level: loud\n    guard: {creates: {share: 20%}}"
    )
    more += """\
    systems:
      hubspot: {acount_id: "1", access_token: "${PRODUCTION_TOKEN}"}
      salesforce: {ca_file: elsewhere.pem}
"""
    path = workspace(tmp_path, more)
    assert load_config(path, environ=ENVIRONMENT).log_level == "info"
    with pytest.raises(ConfigurationError) as caught:
        load_config(path, environ=ENVIRONMENT, every_profile=True)
    lines = path.read_text(encoding="utf-8").splitlines()
    told = [(p.code, lines[p.at.line - 1].split(":")[0].strip()) for p in caught.value.problems]
    assert told == [
        ("config.unknown_value", "log_level"),
        ("config.wrong_type", "guard"),
        ("config.unknown_key", "hubspot"),
    ]


def test_a_chosen_profile_is_told_once(tmp_path: Path) -> None:
    """What is wrong in the chosen profile, and in the file itself, is not told a second time."""
    path = workspace(tmp_path, PROFILES.replace("log_level: warning", "log_level: loud"))
    for profile in ("production", None):
        with pytest.raises(ConfigurationError) as caught:
            load_config(path, environ=ENVIRONMENT, profile=profile, every_profile=True)
        assert [p.code for p in caught.value.problems] == ["config.unknown_value"]
