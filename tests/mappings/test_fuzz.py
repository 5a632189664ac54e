"""The short form of `make fuzz`: whatever a file holds, loading it ends as it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.errors import ConfigurationError
from mappings.loader import load_mapping
from tests.mappings.fuzz import campaign
from tests.mappings.minimal import MAPPING

FILES = 250
LARGE = 10_000_000


def test_rubbish_ends_with_places_and_fixes(tmp_path: Path) -> None:
    """Damaged files load, or are refused with every problem in its place; some of them do load."""
    ended = campaign(FILES, 7, tmp_path)
    assert ended.total() == FILES
    assert ended["loads"]
    assert len(ended) > 5, ended


@pytest.mark.parametrize("unit", ["# a comment\n", "x", "- [a, b]\n", "a: {b: c}\n"])
def test_a_file_of_ten_megabytes_is_refused_unread(unit: str, tmp_path: Path) -> None:
    """Whatever it is made of: the size is looked at first."""
    path = tmp_path / "mapping.yaml"
    path.write_text(MAPPING + unit * (LARGE // len(unit)), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_mapping(path)
    assert caught.value.code == "config.too_large"
