"""Seeded faults: every mistake in config.yaml is reported on its line, with its code and a fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.errors import ConfigurationError
from sync.config import load_config
from sync.workspace import example_config, preset_text

PARTS = """\
schedule: {fast: 60}
matching:
  link: 0.99
  review: 0.05
guard:
  creates: {share: 0.10, count: 1000}
  floor: 25
console:
  port: 8900
service:
  host: 127.0.0.1
retention:
  inbox_days: 30
log_level: info
"""
BASE = example_config() + PARTS
ENVIRONMENT = {
    "HUBSPOT_TOKEN": "t", "SALESFORCE_CLIENT_ID": "i", "SALESFORCE_CLIENT_SECRET": "s",
}  # fmt: skip

# what stands there, what is written instead, the code, a word the message or the fix must hold
FAULTS = [
    ("\nlog_level: info", "\nloglevel: info", "config.unknown_key", "log_level"),
    ("\nlog_level: info", "\nlog_level: inof", "config.unknown_value", "info"),
    ("\nmatching:", "\nmatchin:", "config.unknown_key", "matching"),
    ("  link: 0.99", "  lnk: 0.99", "config.unknown_key", "link"),
    ("  link: 0.99", "  link: 1.5", "config.out_of_range", "0.5"),
    ("  link: 0.99", "  link: high", "config.wrong_type", "number"),
    ("  review: 0.05", "  review: 0.995", "config.out_of_range", "lower"),
    ("{fast: 60}", "{fst: 60}", "config.unknown_key", "fast"),
    ("{fast: 60}", "{fast: 1}", "config.out_of_range", "seconds"),
    ("{fast: 60}", "{nightly: noon}", "config.wrong_type", "02:00"),
    ("  creates: {", "  create: {", "config.unknown_key", "creates"),
    ("{share: 0.10", "{shares: 0.10", "config.unknown_key", "share"),
    ("{share: 0.10", "{share: 10", "config.out_of_range", "between 0 and 1"),
    ("count: 1000}", "count: 10.5}", "config.wrong_type", "whole"),
    ("  floor: 25", "  floor: few", "config.wrong_type", "number"),
    ("  port: 8900", "  port: 89000", "config.out_of_range", "65535"),
    ("  host: 127.0.0.1\nret", "  host: 0.0.0.0\nret", "config.exposed", "127.0.0.1"),
    ("  inbox_days: 30", "  inbox_days: 0", "config.out_of_range", "between"),
    ("    kind: hubspot", "    kind: hubspt", "config.unknown_value", "hubspot"),
    ('"${HUBSPOT_TOKEN}"', '"pat-na1-x"', "config.literal_secret", "${NAME}"),
    ('"${HUBSPOT_TOKEN}"', '"${NO_SUCH_NAME}"', "config.missing_variable", "NO_SUCH_NAME"),
    ("    map: hubspot", "    map: hubspt", "config.unknown_system", "hubspot"),
    ("    map: hubspot", "    map: salesforce", "config.unknown_system", "kind"),
    ("    mapping: mappings", "    mapping: maps", "config.missing_mapping", "init"),
    ("    # region: DE", "    region: XX", "config.unknown_value", "DE"),
    ('"sqlite:///leadloop', '"mysql:///leadloop', "config.state_url", "postgresql"),
    ("\nformat: 1", "\nformat: 2", "config.format", "format: 1"),
    ("    mapping: mappings", f"    mapping: {'9' * 400}", "config.missing_mapping", "init"),
    ("\nlog_level: info", f"\ninclude: {'9' * 400}.yaml", "config.missing_file", "path"),
]


def _write(directory: Path, text: str) -> Path:
    (directory / "mappings").mkdir()
    (directory / "mappings" / "people.yaml").write_text(preset_text(), encoding="utf-8")
    path = directory / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_unchanged_configuration_has_no_fault(tmp_path: Path) -> None:
    """What the faults are seeded into is itself without fault."""
    assert load_config(_write(tmp_path, BASE), environ=ENVIRONMENT).log_level == "info"


@pytest.mark.parametrize(("old", "new", "code", "says"), FAULTS)
def test_a_fault_is_reported_on_its_line(
    old: str, new: str, code: str, says: str, tmp_path: Path
) -> None:
    """Each seeded fault yields its code on its line, and words that help."""
    before, found_old, after = BASE.rpartition(old)  # the last: earlier ones are comments
    assert found_old
    text = before + new + after
    line = before.count("\n") + (2 if new.startswith("\n") else 1)
    with pytest.raises(ConfigurationError) as caught:
        load_config(_write(tmp_path, text), environ=ENVIRONMENT)
    found = [p for p in caught.value.problems if (p.at.line, p.code) == (line, code)]
    assert found, [(str(p.at), p.code, p.message) for p in caught.value.problems]
    assert says in f"{found[0].message} {found[0].fix}"
