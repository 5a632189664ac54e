"""The mappings of the how-to guides are whole: each loads as it stands, and so does the config."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mappings.loader import load_mapping
from sync.config import load_config
from tests.house import ROOT
from tests.mappings.minimal import MAPPING

PAGE = ROOT / "docs" / "how-to" / "change-a-mapping.md"
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
MAPPINGS = [text for text in BLOCKS if "\nobjects:" in text]
ENVIRONMENT = {
    "HUBSPOT_TOKEN": "t", "SALESFORCE_CLIENT_ID": "i", "SALESFORCE_CLIENT_SECRET": "s",
}  # fmt: skip


@pytest.mark.parametrize("text", MAPPINGS)
def test_a_mapping_of_the_guide_loads(text: str, tmp_path: Path) -> None:
    """Checked as a person's own would be, with every fault that loading finds."""
    path = tmp_path / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_mapping(path).objects


def test_the_profiles_of_the_guide_load(tmp_path: Path) -> None:
    """The one configuration on the page, with its profile and without."""
    [config] = [text for text in BLOCKS if text not in MAPPINGS]
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "people.yaml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    accounts = [
        load_config(tmp_path / "config.yaml", environ=ENVIRONMENT, profile=profile)
        .pairs[0]
        .map_system.account_id
        for profile in (None, "sandbox")
    ]
    assert accounts == ["8812345", "9912345"]
