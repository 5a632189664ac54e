"""E-mail addresses people type when they are made to type one: they are blanks, not values.

`test@test.com` identifies nobody (BEHAVIOURS, Which record?), and carrying it over would put the
same address on many people. Matching and field rules ask the same question here.
"""

from __future__ import annotations

PLACEHOLDER_DOMAINS = frozenset(
    """
    test.com none.com noemail.com nomail.com no-email.com noreply.com na.com unknown.com
    invalid.com email.invalid donotemail.com fake.com nowhere.com asdf.com placeholder.com
""".split()
)

PLACEHOLDER_LOCALS = frozenset(
    """
    test tester testing test1 test123 none na n/a null nil noemail no-email nomail no.email email
    unknown asdf asdfasdf qwerty abc xxx xyz foo bar foobar fake dummy example sample anonymous
    nobody noone undefined invalid placeholder notprovided none1 user
""".split()
)


def is_placeholder_email(address: str) -> bool:
    """Whether an address stands for none: a telling domain, or a telling part before the @."""
    local, _, domain = address.strip().lower().rpartition("@")
    local = local.split("+", 1)[0]
    return (
        domain in PLACEHOLDER_DOMAINS or domain.startswith("noemail") or local in PLACEHOLDER_LOCALS
    )
