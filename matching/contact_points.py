"""E-mail addresses, telephone numbers, domains and company names as keys.

Promises: total, idempotent, no network (the public suffix list is the one shipped with
tldextract; e-mail validation never asks DNS), and no key where the value says nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from mappings.placeholders import PLACEHOLDER_DOMAINS, is_placeholder_email
from matching.text import fold, is_placeholder, present, words
from matching.vocabulary import (
    COMPANY_TAILS,
    COMPANY_WORDS,
    FREE_MAIL,
    PLACEHOLDER_COMPANIES,
    ROLE_LOCALS,
)

if TYPE_CHECKING:
    from tldextract import TLDExtract

_MIN_DIGITS = 7
_GMAIL = frozenset({"gmail.com", "googlemail.com"})
# Reserved for networks of one's own and for tests (RFC 6761, RFC 6762): refused as undeliverable
# by email-validator, yet perfectly good names for a person inside one company.
_PLAIN_LOCAL = re.compile(r"^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$", re.ASCII)
_LONGEST_LOCAL, _LONGEST_EMAIL = 64, 254
"""Characters (RFC 5321, as email-validator has it)."""
_INTERNATIONAL = re.compile(r"^\+[1-9][0-9 ().-]{6,20}$")
_PRIVATE = re.compile(r"^[^@\s]+@[^@\s]+\.(?:test|invalid|local|localhost)$")


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail address as evidence: `key` names a person unless `role`."""

    key: str
    domain: str
    role: bool


@lru_cache(maxsize=8_192)
def email(value: str) -> Email | None:
    """The canonical form of an address; None for what is no address or stands for none.

    Case, plus-tags and (at Gmail) dots are dropped: they reach the same mailbox.
    """
    text = fold(value).removeprefix("mailto:").strip("<>;,. ")
    local, _, domain = _valid(text).rpartition("@")
    local = local.split("+", 1)[0]
    if domain in _GMAIL:
        local, domain = local.replace(".", ""), "gmail.com"
    if not local or _says_nothing(local, domain):
        return None
    return Email(f"{local}@{domain}", domain, role=local in ROLE_LOCALS)


def _valid(text: str) -> str:
    if "@" not in text:
        return ""
    if _PRIVATE.match(text):
        return text
    local, _, domain = text.rpartition("@")
    if len(local) <= _LONGEST_LOCAL and _PLAIN_LOCAL.match(local):
        # Nothing to object to but the domain, and of those there are far fewer.
        _, _, host = _validated(f"a@{domain}").rpartition("@")
        return f"{local}@{host}" if host and len(local) + len(host) < _LONGEST_EMAIL else ""
    return _validated.__wrapped__(text)


@lru_cache(maxsize=16_384)
def _validated(text: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(text, check_deliverability=False).normalized.casefold()
    except EmailNotValidError:
        return ""


def _says_nothing(local: str, domain: str) -> bool:
    return is_placeholder_email(f"{local}@{domain}") or is_placeholder(local)


@lru_cache(maxsize=8_192)
def phone(value: str, region: str | None) -> tuple[str, str]:
    """(E.164, digits): one of them filled, both empty where the value is no number.

    A number without country code and region stays as bare digits, a weak key.
    """
    digits = re.sub(r"\D", "", fold(re.split(r"(?i)\bext|\bx\d|#", value, maxsplit=1)[0]))
    if len(digits) < _MIN_DIGITS or _is_filler(digits):
        return "", ""
    e164 = _plainly_international(value, digits)
    if e164:
        return ("", "") if _is_filler(e164[-_MIN_DIGITS:]) else (e164, "")
    import phonenumbers

    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return "", digits
    if not phonenumbers.is_possible_number(number):
        return "", digits
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return ("", "") if _is_filler(e164[-_MIN_DIGITS:]) else (e164, "")


def _plainly_international(value: str, digits: str) -> str:
    """E.164 of a number that names its country and has no prefix to be taken off; "" for any other.

    What phonenumbers comes to, ten times as fast: nothing is left to it but what hangs on the
    country and on how long the number is.
    """
    if not _INTERNATIONAL.match(value.strip()):
        return ""
    for length in (1, 2, 3):
        prefix = _prefix(digits[:length])
        if prefix is not None:
            national = digits[length:]
            plain = national[0] != "0" and not prefix.match(national)
            fits = plain and _is_possible(digits[:length], len(national))
            return f"+{digits}" if fits else ""
    return ""


@cache
def _prefix(code: str) -> re.Pattern[str] | None:
    """What numbers of a country may begin with that is no part of them; None for no country."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    regions = COUNTRY_CODE_TO_REGION_CODE.get(int(code))
    if regions is None:
        return None
    known = PhoneMetadata.metadata_for_region_or_calling_code(int(code), regions[0])
    pattern = known.national_prefix_for_parsing if known is not None else None
    return re.compile(pattern or r"(?!)")


@cache
def _is_possible(code: str, length: int) -> bool:
    from phonenumbers import PhoneNumber, is_possible_number

    return is_possible_number(PhoneNumber(int(code), int("1" * length)))


def region(value: str) -> str:
    """The region a number in international form names, "" for any other."""
    if not value.strip().startswith(("+", "00")):
        return ""
    import phonenumbers

    try:
        number = phonenumbers.parse(re.sub(r"^\s*00", "+", value), None)
    except phonenumbers.NumberParseException:
        return ""
    return phonenumbers.region_code_for_number(number) or ""


def _is_filler(digits: str) -> bool:
    return (
        len(set(digits)) == 1
        or len(set(digits[-_MIN_DIGITS:])) == 1
        or digits in "01234567890123456789"
        or digits in "98765432109876543210"
    )


@cache
def _extractor() -> TLDExtract:
    import tldextract

    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


@lru_cache(maxsize=16_384)
def domain(value: str) -> str:
    """The registrable domain of a host, URL or address; "" for free mail and for no domain."""
    text = fold(value).rpartition("@")[2].strip("<>;,. ")
    if "." not in text or " " in text:
        return ""
    parts = _extractor()(text)
    name = f"{parts.domain}.{parts.suffix}" if parts.suffix else parts.fqdn
    if not name:  # a suffix the list does not know: the last two labels
        host = re.sub(r"^[a-z]+://", "", text).split("/", 1)[0].split(":", 1)[0]
        name = ".".join([label for label in host.split(".") if label][-2:])
    return "" if name in FREE_MAIL or name in PLACEHOLDER_DOMAINS or "." not in name else name


@lru_cache(maxsize=16_384)
def company(value: str) -> str:
    """A company's name without its legal form, words spelt one way; "" for what names none."""
    text = present(value)
    for _ in range(4):  # legal forms come in chains ("GmbH & Co. KG")
        shorter = _strip_company(text)
        if shorter == text:
            break
        text = shorter
    return "" if text.replace(" ", "") in PLACEHOLDER_COMPANIES or is_placeholder(text) else text


def _strip_company(value: str) -> str:
    from cleanco import basename

    text = fold(value)
    text = basename(text) or text
    tokens = [COMPANY_WORDS.get(token, token) for token in re.split(r"[^\w&+]+", text) if token]
    tokens = words(" ".join(tokens)).split()
    while len(tokens) > 1 and tokens[-1] in COMPANY_TAILS:
        tokens.pop()
    if len(tokens) > 1 and tokens[0] == "the":
        tokens.pop(0)
    return " ".join(tokens)
