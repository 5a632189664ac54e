"""Companies to Accounts: domain, then name and place, else a person decides."""

from __future__ import annotations

import pytest

from matching.companies import (
    CompanyAttributes,
    CompanyCandidate,
    company_keys,
    decide_companies,
    normalise_company,
)

_ACME = CompanyAttributes("Acme Holdings, Inc.", "https://www.acme.com/x", "Boston", "USA")
_CASES = [
    ("same domain", CompanyAttributes("ACME", "mail@acme.com"), [_ACME], ("link", "domain")),
    (
        "name and town",
        CompanyAttributes("Acme", None, "Boston"),
        [_ACME],
        ("link", "name_and_place"),
    ),
    ("name alone", CompanyAttributes("Acme"), [_ACME], ("review", "weak")),
    ("same name elsewhere", CompanyAttributes("Acme", "acme.de"), [_ACME], ("none", "weak")),
    (
        "a daughter on the parent's domain",
        CompanyAttributes("Roadrunner Logistics", "acme.com"),
        [_ACME],
        ("review", "weak"),
    ),
    ("free mail is no domain", CompanyAttributes("Bolt", "x@gmail.com"), [_ACME], ("none", "weak")),
    (
        "two accounts on one domain",
        CompanyAttributes(None, "acme.com"),
        [_ACME, _ACME],
        ("review", "ambiguous"),
    ),
    ("nobody", CompanyAttributes("Acme"), [], ("none", "no_candidate")),
]


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case[0])
def test_company_decisions(
    case: tuple[str, CompanyAttributes, list[CompanyAttributes], tuple[str, str]],
) -> None:
    """A domain decides, then name and place; a parent, a double or a bare name goes to review."""
    _, incoming, accounts, expected = case
    found = [CompanyCandidate(f"a{i}", normalise_company(a)) for i, a in enumerate(accounts)]
    (decision,) = decide_companies({"m": normalise_company(incoming)}, {"m": found})
    assert (decision.verdict, decision.reason) == expected
    assert decision.verdict == "none" or decision.targets


def test_company_keys_meet() -> None:
    """Two spellings of one company share a key; a company nothing is known of has none."""
    one, other = normalise_company(_ACME), normalise_company(CompanyAttributes("ACME LLC"))
    assert set(company_keys(one)) & set(company_keys(other))
    assert company_keys(normalise_company(CompanyAttributes("n/a", "gmail.com"))) == ()
