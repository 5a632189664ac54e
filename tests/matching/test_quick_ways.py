"""The quick ways of reading addresses and numbers come to what the libraries come to."""

from __future__ import annotations

import random
import re

import numpy as np
import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from matching.contact_points import email, phone
from matching.tables.values import distinct, merged, missing

_DOMAINS = (
    "gmail.com,x.example,foo.test,a..b.com,-a.com,a-.com,xn--a.com,foo.onion,b.co.uk,[1.2.3.4],a.b,"
    "1.2.3.4,foo.arpa,.com,com.,EX.com,_a.com,x y.com"
).split(",")


@pytest.mark.parametrize("seed", range(4))
def test_numbers_are_read_as_phonenumbers_reads_them(seed: int) -> None:
    """Of every country, of any length, however they are written, with and without a region."""
    rng, read = random.Random(seed), 0
    for _ in range(1_500):
        code = rng.choice(list(COUNTRY_CODE_TO_REGION_CODE)) if rng.random() < 0.9 else 999
        rest = "".join(rng.choice("0123456789") for _ in range(rng.randint(3, 14)))
        value = f"+{code}{rng.choice(('', ' ', '-'))}{rest}"
        if rng.random() < 0.3:
            value = value[:6] + rng.choice(" ().-") + value[6:]
        region = rng.choice((None, "DE", "US", "GB"))
        digits = re.sub(r"\D", "", value)
        found = phone(value, region)
        if found == ("", ""):  # too short, or made up
            continue
        read += 1
        assert found == _by_the_library(value, region, digits), value
    assert read > 1_000


def _by_the_library(value: str, region: str | None, digits: str) -> tuple[str, str]:
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return "", digits
    if not phonenumbers.is_possible_number(number):
        return "", digits
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), ""


@pytest.mark.parametrize("seed", range(4))
def test_addresses_are_valid_where_the_library_says_so(seed: int) -> None:
    """Dots, tags, lengths and domains of all kinds: valid, and the same domain, or not."""
    rng, valid = random.Random(seed), 0
    for _ in range(1_500):
        length = rng.randint(60, 70) if rng.random() < 0.05 else rng.randint(0, 8)
        local = "b" + "".join(rng.choice("abz09._-+'") for _ in range(length))
        text = f"{local}@{rng.choice([*_DOMAINS, 'a' * 70 + '.com'])}"
        if text.endswith(".test"):
            continue  # taken as it is, whatever the library says
        try:
            domain = validate_email(text, check_deliverability=False).normalized.rpartition("@")[2]
        except EmailNotValidError:
            assert email(text) is None, text
            continue
        found = email(text)
        if found is not None:  # a placeholder is none
            valid += 1
            assert found.domain == domain.casefold(), text
    assert valid > 200


@pytest.mark.parametrize("seed", range(3))
def test_sets_of_numbers(seed: int) -> None:
    """What is distinct, missing and merged is what numpy's own functions say."""
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 400, 300), rng.integers(0, 400, 200)
    assert (distinct(one) == np.unique(one)).all()
    kept = distinct(one)
    fresh = missing(distinct(other), kept)
    assert (fresh == np.setdiff1d(other, one)).all()
    assert (merged(kept, fresh) == np.union1d(one, other)).all()
    assert len(distinct(np.zeros(0, np.int64))) == 0
    assert (missing(other, np.zeros(0, np.int64)) == other).all()
