"""Which Account is this company? By domain, then by name and place; else a person decides.

Pure and independent of order. A free-mail domain is no company's; a domain that several Accounts
carry (a group, a hosting provider) does not decide alone. Nothing is scored: companies have too
few fields for that, and a wrong parent is worse than a question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rapidfuzz import fuzz

from matching import contact_points, text
from matching.blocking import key_of

_ALIKE = 90.0


@dataclass(frozen=True, slots=True)
class CompanyAttributes:
    """What is known of a company, raw. `website` may be a domain, a host, a URL or an address."""

    name: str | None = None
    website: str | None = None
    city: str | None = None
    country: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Company:
    """A company as matching sees it: folded, without legal form, "" where nothing is known."""

    name: str = ""
    domain: str = ""
    city: str = ""
    country: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class CompanyCandidate:
    """An Account the company may be."""

    key: str
    company: Company


@dataclass(frozen=True, slots=True)
class CompanyDecision:
    """What was decided for one company. `targets` are Account keys: one for a link, those in
    question for a review. `reason` is domain, name_and_place, ambiguous, weak or no_candidate.
    """

    incoming: str
    verdict: Literal["link", "review", "none"]
    targets: tuple[str, ...]
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


def normalise_company(attributes: CompanyAttributes, *, region: str | None = None) -> Company:
    """The comparable form of a company; total and idempotent."""
    country = text.country(text.present(attributes.country))
    where = text.region_of(country, "", region)
    return Company(
        name=contact_points.company(attributes.name or ""),
        domain=contact_points.domain(attributes.website or ""),
        city=text.words(text.present(attributes.city)),
        country=country,
        phone="".join(contact_points.phone(attributes.phone or "", where)),
    )


def company_keys(company: Company) -> tuple[int, ...]:
    """Blocking keys: stable, short, sorted; see `matching.blocking`."""
    first = company.name.split(" ")[0]
    raw = {
        ("cd", company.domain),
        ("cn", company.name),
        ("cf", f"{first}\x1f{company.city}" if first and company.city else ""),
        ("cp", company.phone),
    }
    return tuple(sorted(key_of(kind, value) for kind, value in raw if value))


def decide_companies(
    incoming: Mapping[str, Company], candidates: Mapping[str, Sequence[CompanyCandidate]]
) -> list[CompanyDecision]:
    """One decision for each incoming company, in the order of `incoming`."""
    return [_decide(key, company, candidates.get(key, ())) for key, company in incoming.items()]


def _decide(key: str, company: Company, candidates: Sequence[CompanyCandidate]) -> CompanyDecision:
    levels = {one.key: _levels(company, one.company) for one in candidates}
    evidence = {"candidates": [{"key": k, **levels[k]} for k in sorted(levels)]}

    def result(
        verdict: Literal["link", "review", "none"], reason: str, found: Iterable[str] = ()
    ) -> CompanyDecision:
        return CompanyDecision(key, verdict, tuple(sorted(found)), reason, evidence)

    if not levels:
        return result("none", "no_candidate")
    same_domain = {k for k, level in levels.items() if level["domain"] == "exact"}
    same_name = {k for k, level in levels.items() if level["name"] == "exact"}
    for sure in (same_domain & same_name, same_domain):
        plausible = {k for k in sure if levels[k]["name"] != "different"} or sure
        if len(plausible) == 1:
            (only,) = plausible
            apart = levels[only]["name"] == "different" and len(same_domain) == 1
            # One domain under two names: a group and its daughter, a person knows which.
            return (
                result("review", "weak", plausible)
                if apart
                else result("link", "domain", plausible)
            )
        if plausible:
            return result("review", "ambiguous", plausible)
    free = {k for k in same_name if levels[k]["domain"] != "different"}
    placed = {k for k in free if levels[k]["place"] == "same" or levels[k]["phone"] == "exact"}
    if len(placed) == 1:
        return result("link", "name_and_place", placed)
    doubtful = (
        placed
        or free
        or {
            k
            for k, level in levels.items()
            if level["name"] == "similar"
            and (level["place"] == "same" or level["phone"] == "exact")
        }
    )
    if doubtful:
        return result("review", "ambiguous" if len(doubtful) > 1 else "weak", doubtful)
    return result("none", "weak")


def _levels(one: Company, other: Company) -> dict[str, str]:
    return {
        "domain": _equal(one.domain, other.domain),
        "name": _name(one.name, other.name),
        "place": _place(one, other),
        "phone": _equal(one.phone, other.phone),
    }


def _equal(one: str, other: str) -> str:
    if not one or not other:
        return "unknown"
    return "exact" if one == other else "different"


def _name(one: str, other: str) -> str:
    if not one or not other:
        return "unknown"
    if one.replace(" ", "") == other.replace(" ", ""):
        return "exact"
    short, long = sorted((one, other), key=len)
    alike = fuzz.token_sort_ratio(short, long) >= _ALIKE or long.startswith(short + " ")
    return "similar" if alike else "different"


def _place(one: Company, other: Company) -> str:
    if one.city and other.city:
        return "same" if one.city == other.city else "different"
    return "unknown"
