"""How reports count is read from YAML, faults on their line; it decides nothing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from mappings.errors import ConfigurationError
from mappings.fieldmap import PairMapping
from mappings.loader import load_mapping
from mappings.money import Money
from tests.mappings.minimal import MAPPING

REPORTING = """\
reporting:
  zone: Europe/Berlin
  week_starts: sunday
  year_starts: april
  currency: EUR
  rates:
    - {currency: USD, from: 2026-01-01, rate: 0.9}
    - {currency: USD, from: 2026-02-01, rate: 0.8}
  quotas:
    - {period: 2026-Q1, amount: 250000, marketing: 0.4}
  integrations: ["005000000000009"]
"""


def loaded(folder: Path, reporting: str) -> PairMapping:
    """A mapping with that section."""
    (folder / "mapping.yaml").write_text(MAPPING + reporting, encoding="utf-8")
    return load_mapping(folder / "mapping.yaml")


def test_everything_is_read(tmp_path: Path) -> None:
    """Zone, week, fiscal year, currency, rates, quotas, machines come out as they are written."""
    found = loaded(tmp_path, REPORTING).contract.reporting
    assert (found.zone, found.week_starts, found.year_starts) == ("Europe/Berlin", 6, 4)
    assert found.rates.convert(Money(1_000, "USD"), date(2026, 1, 31)) == Money(900, "EUR")
    assert found.rates.convert(Money(1_000, "USD"), date(2026, 2, 1)) == Money(800, "EUR")
    [quota] = found.quotas
    assert (quota.period, quota.amount, quota.marketing) == (
        "2026-Q1", Money(25_000_000, "EUR"), Decimal("0.4"),
    )  # fmt: skip
    assert found.integrations == {"005000000000009"}


def test_a_changed_quota_is_no_changed_mapping(tmp_path: Path) -> None:
    """How reports count decides nothing: neither the mapping nor the contract is another one."""
    one, other = (loaded(tmp_path, REPORTING.replace("250000", n)) for n in ("250000", "1"))
    assert (one.hash, one.contract.hash) == (other.hash, other.contract.hash)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("Europe/Berlin", "Berlin", "config.unknown_value"),
        ("sunday", "sonntag", "config.unknown_value"),
        ("april", "4", "config.unknown_value"),
        ("EUR", "Euro", "config.unknown_value"),
        ("rate: 0.9", "rate: much", "config.wrong_type"),
        ("rate: 0.9", "rat: 0.9", "config.unknown_key"),
        ("2026-01-01", "January", "config.wrong_type"),
        ("2026-Q1", "2026-Q9", "config.wrong_type"),
        ("marketing: 0.4", "marketing: 40", "config.out_of_range"),
        ("amount: 250000", "amount: -1", "config.wrong_type"),
        ("  currency: EUR\n", "", "config.missing_key"),
    ],
)
def test_a_fault_is_told_on_its_line(tmp_path: Path, old: str, new: str, code: str) -> None:
    """Each mistake is refused with its code and place, together with any other."""
    with pytest.raises(ConfigurationError) as caught:
        loaded(tmp_path, REPORTING.replace(old, new))
    assert code in {problem.code for problem in caught.value.problems}
    assert all(problem.at.line > 1 for problem in caught.value.problems)
