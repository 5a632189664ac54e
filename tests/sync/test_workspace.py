"""Writing a workspace: usable at once, private, and never over what somebody edited."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mappings.errors import ConfigurationError
from sync.config import load_config
from sync.workspace import preset_text, refuse_source_tree, write_workspace

HUBSPOT: dict[str, object] = {
    "url": "http://127.0.0.1:8001",
    "token": "pat-5ecret",
    "portal_id": 8812345,
}
SALESFORCE: dict[str, object] = {
    "login_url": "https://127.0.0.1:8002",
    "client_id": "consumer-key",
    "client_secret": 'quoted "5ecret" \\',
    "ca_file": None,
}


def write(directory: Path, **changes: object) -> Path:
    """The workspace of a sandbox; changes go to HubSpot's settings."""
    return write_workspace(directory, hubspot=HUBSPOT | changes, salesforce=SALESFORCE)


def test_a_written_workspace_loads(tmp_path: Path) -> None:
    """The config that is written loads with the mapping beside it, secrets from files."""
    config = load_config(write(tmp_path / "new" / "place"), environ={})
    (pair,) = config.pairs
    assert pair.map_system.account_id == "8812345"
    assert pair.map_system.settings == {
        "base_url": "http://127.0.0.1:8001",
        "access_token": "pat-5ecret",
    }
    assert pair.crm_system.settings["client_secret"] == 'quoted "5ecret" \\'
    assert "ca_file" not in pair.crm_system.settings


def test_secrets_are_in_files_of_their_owner_alone(tmp_path: Path) -> None:
    """The config holds no secret; the files that do are closed to others and to git."""
    path = write(tmp_path / "w")
    assert "5ecret" not in path.read_text()
    secrets = path.parent / "secrets"
    assert secrets.stat().st_mode & 0o077 == 0
    for file in secrets.iterdir():
        assert file.stat().st_mode & 0o077 == 0
    assert (secrets / ".gitignore").read_text() == "*\n"
    assert not [f for f in path.parent.rglob("*") if f.name.endswith(str(os.getpid()))]


def test_an_unedited_workspace_is_written_anew(tmp_path: Path) -> None:
    """New addresses replace old ones as long as nobody edited the config."""
    write(tmp_path)
    config = load_config(write(tmp_path, url="http://127.0.0.1:9001"), environ={})
    assert config.pairs[0].map_system.settings["base_url"] == "http://127.0.0.1:9001"


def test_an_edited_config_is_never_overwritten(tmp_path: Path) -> None:
    """A config somebody changed, or wrote, is refused, and nothing at all is written."""
    path = write(tmp_path)
    edited = path.read_text() + "log_level: debug\n"
    path.write_text(edited)
    with pytest.raises(ConfigurationError) as caught:
        write(tmp_path, token="pat-other")
    assert caught.value.code == "workspace.edited"
    assert path.read_text() == edited
    assert "pat-5ecret" in (tmp_path / "secrets" / "hubspot_access_token").read_text()


def test_an_edited_mapping_is_kept(tmp_path: Path) -> None:
    """The mapping is there to be edited: a changed one stays, the rest is written anew."""
    path = write(tmp_path)
    mapping = tmp_path / "mappings" / "hubspot-salesforce.yaml"
    edited = mapping.read_text().replace("create_crm: Lead", "create_crm: none")
    mapping.write_text(edited)
    write(tmp_path, url="http://127.0.0.1:9001")
    assert mapping.read_text() == edited
    assert load_config(path, environ={}).pairs[0].mapping.object("people").create_crm is None


def test_the_source_tree_is_refused() -> None:
    """Leadloop's own source, and any package, is no place for a workspace."""
    root = Path(__file__).parents[2]
    for place in (root, root / "mappings", root / "mappings" / "presets"):
        with pytest.raises(ConfigurationError) as caught:
            refuse_source_tree(place)
        assert caught.value.code == "workspace.source_tree"


def test_go_live_and_region_are_written(tmp_path: Path) -> None:
    """The moment the baseline ends and the pair's country end up where they are read."""
    moment = datetime(2026, 3, 2, 8, tzinfo=UTC)
    path = write_workspace(
        tmp_path, hubspot=HUBSPOT, salesforce=SALESFORCE, region="GB", go_live=moment
    )
    (pair,) = load_config(path, environ={}).pairs
    assert pair.mapping.go_live == moment
    assert pair.region == "GB"


def test_an_unknown_preset_is_refused() -> None:
    """A preset that is not shipped is named as such."""
    with pytest.raises(ConfigurationError) as caught:
        preset_text("pipedrive-zoho")
    assert caught.value.code == "workspace.unknown_preset"
