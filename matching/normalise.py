"""Raw attributes of a person made comparable, once, before anything is compared.

`normalise` is pure, total (no text makes it fail), needs no network, and loads its libraries on
first use so that importing this module costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mappings.records import PersonAttributes
from matching import contact_points, names, text

_SHORT_TITLE = 60
_GENERIC = frozenset({"IO", "CO", "AI", "ME", "TV", "CC", "FM", "LY", "GG", "SH", "EU", "VC", "AC"})
"""Country domains that companies of all countries use."""


@dataclass(frozen=True, slots=True)
class Person:
    """A person as matching sees them: folded text, "" or () where nothing is known.

    `emails` name the person; `role_emails` a desk of their company. `phones` are E.164,
    `weak_phones` bare digits whose country nobody told. `domains` are employers' registrable
    domains, never free mail. `forms` are the first name and what it may be short for.
    `birth_date` is YYYY-MM-DD.
    """

    given: str = ""
    middle: str = ""
    family: str = ""
    forms: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    role_emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    weak_phones: tuple[str, ...] = ()
    company: str = ""
    domains: tuple[str, ...] = ()
    title: str = ""
    street: str = ""
    city: str = ""
    postcode: str = ""
    state: str = ""
    country: str = ""
    birth_date: str = ""

    def to_json(self) -> list[Any]:
        """The person as few characters of JSON: values by their place in `_STORED`, 0 for nothing,
        nothing behind the last. `forms` are left out, being the first name's. `from_json` is its
        inverse for whoever `normalise` made.
        """
        values = [getattr(self, name) or 0 for name in _STORED]
        while values and not values[-1]:
            values.pop()
        return values

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> Person:
        """The person `to_json` wrote. Further values are ignored: an older reader, a newer row."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list | tuple) else value
            for name, value in zip(_STORED, data, strict=False)
            if value
        }
        return cls(**values, forms=names.forms(values.get("given", "")))


_STORED = (
    *("given", "family", "emails", "phones", "street", "city", "postcode", "birth_date"),
    *("company", "domains", "title", "middle", "state", "country", "role_emails", "weak_phones"),
)
"""Where each value stands in a stored person, those that most people have first: a new one comes
last."""


def normalise(attributes: PersonAttributes, *, region: str | None = None) -> Person:
    """The comparable form of a record's attributes.

    `region` (ISO alpha-2) is where the record's owner is at home: it reads telephone numbers and
    slashed dates where the record itself names no country or state.
    """
    name = names.split(attributes.given_name, attributes.family_name)
    country = text.country(text.present(attributes.country))
    state = text.words(text.present(attributes.state))
    site = contact_points.domain(attributes.website or "")
    addresses, role_emails, mail_domains = emails(attributes.emails)
    domains = _unique([*mail_domains, site])
    where = text.region_of(country, state, _domain_region(domains) or region)
    numbers, weak_phones = phones(attributes.phones, where)
    return Person(
        given=name.given,
        middle=name.middle,
        family=name.family,
        forms=names.forms(name.given),
        emails=addresses,
        role_emails=role_emails,
        phones=numbers,
        weak_phones=weak_phones,
        company=contact_points.company(attributes.company or ""),
        domains=domains,
        title=short_title(attributes.title),
        street=text.street(text.present(attributes.street)),
        city=text.words(text.present(attributes.city)),
        postcode=text.postcode(text.present(attributes.postcode)),
        state=state,
        country=country,
        birth_date=text.birth_date(attributes.birth_date or "", month_first=where == "US"),
    )


def short_title(value: str | None) -> str:
    """A job title in folded words, cut where it turns into a story."""
    return text.words(text.present(value))[:_SHORT_TITLE].strip()


def _domain_region(domains: Sequence[str]) -> str | None:
    """The country whose top-level domain an employer uses: better than guessing the owner's."""
    found = {tail.upper() for name in domains if len(tail := name.rpartition(".")[2]) == 2}  # noqa: PLR2004
    regions = {"GB" if tail == "UK" else tail for tail in found} - _GENERIC
    return regions.pop() if len(regions) == 1 else None


def _unique(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def emails(
    values: Sequence[str],
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Addresses that name a person, those that name a desk, and the employers' domains of all."""
    found = [address for value in values if value and (address := contact_points.email(value))]
    return (
        _unique([address.key for address in found if not address.role]),
        _unique([address.key for address in found if address.role]),
        _unique([contact_points.domain(address.domain) for address in found]),
    )


def phones(values: Sequence[str], region: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Numbers in E.164, and bare digits of those whose country nobody told."""
    found = [contact_points.phone(value, region) for value in values if value and value.strip()]
    return _unique([e164 for e164, _ in found]), _unique([digits for _, digits in found])
