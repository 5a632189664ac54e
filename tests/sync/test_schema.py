"""`leadloop schema`: what editors and readers are given is what the loader reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from mappings.errors import ConfigurationError
from sync.cli.main import main
from sync.config import TOP_KEYS, GuardConfig, load_config
from sync.config_layers import LAYER_KEYS
from sync.config_schema import config_schema
from sync.config_values import secret_keys
from sync.schema_files import documented_keys, reference_page, schema_of
from sync.workspace import example_config, preset_text, write_workspace
from tests.house import ROOT

CONFIG = YAML(typ="safe", pure=True).load(example_config())
ENVIRONMENT = {
    "HUBSPOT_TOKEN": "t", "SALESFORCE_CLIENT_ID": "i", "SALESFORCE_CLIENT_SECRET": "s",
}  # fmt: skip

RIGHT: dict[str, dict[str, Any]] = {
    "as shipped": {},
    "guard": {"guard": {"creates": {"share": 0.5, "count": 10}, "floor": 3}},
    "schedule": {"schedule": {"fast": 30, "quarter": 600.5, "nightly": "03:30"}},
    "matching": {"matching": {"link": 0.95, "review": 0.1}},
    "service": {"service": {"host": "0.0.0.0", "expose": True, "port": 9000}},  # noqa: S104
    "retention": {"retention": {"inbox_days": 5, "event_months": 1}},
    "empty parts": {"guard": None, "log_level": None, "notifications": None, "tenant": None},
    "one address": {"notifications": "json://localhost"},
    "number as text": {"tenant": 7},
}

WRONG: dict[str, dict[str, Any]] = {
    "unknown key": {"guards": {}},
    "unknown limit": {"guard": {"create": {"share": 0.5}}},
    "share over one": {"guard": {"creates": {"share": 1.5}}},
    "count in words": {"guard": {"creates": {"count": "many"}}},
    "too often": {"schedule": {"fast": 1}},
    "no such level": {"log_level": "loud"},
    "port too high": {"console": {"port": 70_000}},
    "fraction of a day": {"retention": {"inbox_days": 0}},
    "state as text": {"state": "sqlite:///x"},
    "no pairs": {"pairs": None},
    "no systems": {"systems": None},
    "pair without crm": {"pairs": {"main": {"map": "hubspot"}}},
    "another format": {"format": 2},
    "true is no format": {"format": True},
    "a secret in the file": {
        "systems": {
            **CONFIG["systems"],
            "hubspot": {"kind": "hubspot", "access_token": "pat-na1-plain"},
        }
    },
    "a system without kind": {"systems": {**CONFIG["systems"], "hubspot": {}}},
    "a key of the other kind": {
        "systems": {
            **CONFIG["systems"],
            "hubspot": {**CONFIG["systems"]["hubspot"], "login_url": "https://x"},
        }
    },
}


def _loads(document: dict[str, Any], directory: Path) -> bool:
    (directory / "mappings").mkdir()
    (directory / "mappings" / "people.yaml").write_text(preset_text(), encoding="utf-8")
    path = directory / "config.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    try:
        load_config(path, environ=ENVIRONMENT)
    except ConfigurationError:
        return False
    return True


@pytest.mark.parametrize("change", RIGHT.values(), ids=RIGHT.keys())
def test_right_configurations_are_taken_by_both(change: dict[str, Any], tmp_path: Path) -> None:
    """What the loader takes, the schema does not mark."""
    jsonschema.validate(CONFIG | change, config_schema())
    assert _loads(CONFIG | change, tmp_path)


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_wrong_configurations_are_refused_by_both(change: dict[str, Any], tmp_path: Path) -> None:
    """What the schema marks, the loader refuses."""
    assert not jsonschema.Draft7Validator(config_schema()).is_valid(CONFIG | change)
    assert not _loads(CONFIG | change, tmp_path)


def test_the_schema_has_the_configurations_keys() -> None:
    """No key is in one and not in the other."""
    known = set(documented_keys(config_schema()))
    assert {key for key in known if "." not in key} == {*TOP_KEYS, *LAYER_KEYS}
    guard = {key.split(".")[1] for key in known if key.startswith("guard.")}
    assert guard == set(GuardConfig.__dataclass_fields__)
    systems = {key.split(".")[2] for key in known if key.startswith("systems.")}
    assert systems == set(secret_keys(None))


@pytest.mark.parametrize("which", ["mapping", "config"])
def test_the_reference_is_the_schemas(which: str) -> None:
    """The page in the documentation has every key there is, as the schema describes it."""
    page = (ROOT / "docs" / "reference" / f"{which}.md").read_text(encoding="utf-8")
    assert page == reference_page(which)


@pytest.mark.parametrize("which", ["mapping", "config"])
def test_every_key_is_explained(which: str) -> None:
    """Editors show words beside every key; the table of a name of one's own aside."""
    bare = [
        path
        for path, one in documented_keys(schema_of(which)).items()
        if not one.get("description") and path.split(".")[0] not in {"activities", "outcomes"}
    ]
    assert bare == []


@pytest.mark.parametrize("which", ["mapping", "config"])
def test_the_command_prints_the_schema(which: str, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON on stdout; with --markdown the page."""
    assert main(["schema", which]) == 0
    assert json.loads(capsys.readouterr().out) == schema_of(which)
    assert main(["schema", which, "--markdown"]) == 0
    assert capsys.readouterr().out == reference_page(which)


def test_the_command_writes_a_file_or_says_why_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A directory that is not there is a refusal in words, with exit code 3."""
    assert main(["schema", "config", "--out", str(tmp_path / "c.json")]) == 0
    assert json.loads((tmp_path / "c.json").read_text(encoding="utf-8")) == config_schema()
    assert main(["schema", "config", "--out", str(tmp_path / "no" / "c.json")]) == 3
    assert "cannot be written" in capsys.readouterr().err


def test_a_workspace_names_schemas_that_are_there(tmp_path: Path) -> None:
    """The first lines of config and mapping lead an editor to the schema that describes them."""
    config = write_workspace(
        tmp_path,
        hubspot={"token": "t"},
        salesforce={"login_url": "https://x", "client_id": "i", "client_secret": "s"},
    )
    found = {}
    for file in (config, tmp_path / "mappings" / "hubspot-salesforce.yaml"):
        line = next(
            one
            for one in file.read_text(encoding="utf-8").splitlines()
            if one.startswith("# yaml-language-server: $schema=")
        )
        named = file.parent / line.partition("$schema=")[2]
        found[file.name] = json.loads(named.read_text(encoding="utf-8"))
    assert found == {
        "config.yaml": config_schema(), "hubspot-salesforce.yaml": schema_of("mapping"),
    }  # fmt: skip
