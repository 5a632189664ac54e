"""Plain text made comparable: transliteration, placeholders, dates, streets, phonetic codes.

Every function is total (any string in, a string out, "" where nothing is left) and idempotent:
applying it to its own result changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from matching.vocabulary import COUNTRIES, PLACEHOLDER_WORDS, STATES, STREET_WORDS

# Letters that NFKD leaves whole. Umlauts lose their dots like other accents; the spelling "ue" is
# left to fuzzy comparison, since a rule would maul names such as "Manuel".
_LETTERS = str.maketrans(
    {
        "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th",
        "ł": "l", "\u0131": "i", "ħ": "h", "ŋ": "n", "ĸ": "k", "ŧ": "t",
    }
)  # fmt: skip
_NOT_WORD = re.compile(r"[\W_]+")
_SPACES = re.compile(r"\s+")
_UNIT = re.compile(r"\b(\d+)(?:st|nd|rd|th)\b")


@lru_cache(maxsize=16_384)
def fold(value: str) -> str:
    """Lower case, without accents or compatibility forms, single spaces."""
    if value.isascii():
        return " ".join(value.lower().split())
    text = value
    for _ in range(3):  # case folding can yield marks that only a second pass removes
        folded = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
        folded = "".join(c for c in folded if unicodedata.category(c) not in {"Mn", "Cf"})
        folded = _SPACES.sub(" ", folded).strip()
        if folded == text:
            break
        text = folded
    return text


def words(value: str) -> str:
    """Folded letters and digits, everything else a single space."""
    return _NOT_WORD.sub(" ", fold(value)).strip()


def is_placeholder(value: str) -> bool:
    """Whether people type this to get past a required field."""
    text = fold(value).replace(" ", "")
    if not text or text in PLACEHOLDER_WORDS:
        return True
    return len(text) > 1 and text.count(text[0]) == len(text)  # "aaaa", "000", "----"


def present(value: str | None) -> str:
    """The value without surrounding blanks, "" for None and placeholders."""
    if value is None:
        return ""
    text = value.strip()
    return "" if is_placeholder(text) else text


@dataclass(frozen=True, slots=True)
class Address:
    """An address written in one line, taken apart; "" for what it lacks."""

    street: str = ""
    postcode: str = ""
    town: str = ""
    state: str = ""


_SEGMENTS = re.compile(r"\s*[,;\n|]\s*")
_POSTCODE = re.compile(
    r"\b(?:[A-Z]{1,2}-)?(\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d"
    r"|\d{4}(?: [A-Z]{2}\b)?)\b"
)
"""Postcodes of five digits or four, of the United Kingdom, Canada and the Netherlands."""
_STATE = re.compile(r"^(.*?)\s*\b([A-Z]{2})$")


def address(value: str) -> Address:
    """An address of one line: the street, then behind a comma a postcode and a town in any order
    ("Am Markt 5, 10115 Berlin", "12 Main St, Seattle, WA 98101"). Without a postcode behind the
    first comma everything is street."""
    first, *rest = _SEGMENTS.split(value.strip())
    at = next((at for at in reversed(range(len(rest))) if _POSTCODE.search(rest[at])), None)
    if at is None:
        return Address(" ".join((first, *rest)))
    before, code, *_, after = _POSTCODE.split(rest[at], maxsplit=1)
    lines = [first, *rest[:at]]
    town = " ".join(f"{before} {after}".split())
    if at and len(town) <= 2:  # noqa: PLR2004 - nothing, or a state: the town is what stands before
        town = f"{lines.pop()} {town}".strip()
    stated = _STATE.match(town)
    town, state = stated.groups() if stated else (town, "")
    return Address(" ".join(lines), code, town, state)


@lru_cache(maxsize=16_384)
def street(value: str) -> str:
    """A street address as tokens, kinds of street abbreviated one way, ordinals as numbers."""
    text = words(value).replace("strasse ", "str ")
    text = re.sub(r"(?<=[a-z]{3})strasse\b", " st", text)
    tokens = (STREET_WORDS.get(token, token) for token in _UNIT.sub(r"\1", text).split())
    return " ".join(token for token in tokens if token)


def postcode(value: str) -> str:
    """Upper-case letters and digits; a US ZIP+4 keeps its first five."""
    text = words(value).replace(" ", "").upper()
    if len(text) == 9 and text.isascii() and text.isdigit():  # noqa: PLR2004 - ZIP+4
        return text[:5]
    return text


def country(value: str) -> str:
    """ISO 3166 alpha-2 where it is known, else the folded text."""
    text = words(value)
    if len(text) == 2 and text.isascii():  # noqa: PLR2004 - already a code
        return COUNTRIES.get(text, text.upper())
    return COUNTRIES.get(text, text)


def region_of(country_code: str, state: str, default: str | None) -> str | None:
    """The telephone region of a record: its country, else its state's, else the default."""
    if len(country_code) == 2:  # noqa: PLR2004 - ISO alpha-2
        return country_code.upper()
    if not country_code:
        return STATES.get(words(state), default)
    return default


_ISO = re.compile(r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[t ].*)?$", re.IGNORECASE)
_COMPACT = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
_LOCAL = re.compile(
    r"^(\d{1,2})[-/. ]\s?(\d{1,2})[-/. ]\s?(\d{4}|\d{2})(?:[t ]\d.*)?$", re.IGNORECASE
)
_MONTH_NAMED = re.compile(
    r"^(?P<day>\d{1,2})(?:st|nd|rd|th|[.])?[-/ ]+(?:de )?(?P<month>[a-z]{3,10})[.]?[-/ ,]+(?:de )?"
    r"(?P<year>\d{4}|\d{2})$"
)
_MONTH_FIRST = re.compile(
    r"^(?P<month>[a-z]{3,10})[.]? (?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?P<year>\d{4})$"
)
_PARTIAL = re.compile(
    r"^(?:(?:abt|about|circa|ca|c|um|bef|before|aft|after|vor|nach|est|vers)[. ]+)?"
    r"(?:(?P<month>[a-z]{3,10}|\d{1,2})[-/. ]+)?(?P<year>1[5-9]\d\d|20\d\d)\??$"
)
"""A year, or a month of one, as registers and forms have it where nobody knew more."""
_MONTH_NAMES = {
    name: number
    for number, names in enumerate(
        "jan ene gen,feb fev fab,mar maa,apr abr avr,may mai mag mei,jun giu juin,jul lug juil,"
        "aug ago aou,sep set,oct okt ott out,nov,dec dez dic".split(","),
        start=1,
    )
    for name in names.split()
}
"""Months by the first letters of their names in seven languages."""
_LAST_YEAR = 30
_DEFAULT_DATES = frozenset({"1900-01-01", "1970-01-01", "1901-01-01", "1800-01-01", "0001-01-01"})
_MONTHS = 12


def birth_date(value: str, *, month_first: bool = False) -> str:
    """A date as YYYY-MM-DD, kept even if the calendar does not know it (typing errors agree
    digit by digit); "" where no date can be read, and for dates that software fills in.

    Read are ISO dates and times, eight digits, days in local order with a year of four digits or
    two (the century before the current one where the year would lie ahead of 2030), and days with
    the month's name in any order ("12 Mar 1980", "March 12, 1980", "12-MAR-80").
    """
    text = value.strip()
    if match := _ISO.match(text) or _COMPACT.match(text):
        year, month, day = (int(part) for part in match.groups()[:3])
    elif match := _LOCAL.match(text):
        first, second, year = (int(part) for part in match.groups()[:3])
        swap = second > _MONTHS or (month_first and first <= _MONTHS)
        day, month = (second, first) if swap else (first, second)
    elif named := _named(text):
        year, month, day = named
    else:
        return ""
    result = f"{_full_year(year):04d}-{month:02d}-{day:02d}"
    return "" if result in _DEFAULT_DATES or result.startswith("0000") else result


def _named(value: str) -> tuple[int, int, int] | None:
    """Year, month and day of a date with the month's name; None where it is none."""
    match = _MONTH_NAMED.match(fold(value)) or _MONTH_FIRST.match(fold(value))
    if match is None:
        return None
    name = match["month"]
    month = _MONTH_NAMES.get(name[:4]) or _MONTH_NAMES.get(name[:3])
    return (int(match["year"]), month, int(match["day"])) if month else None


def vague_date(value: str, *, month_first: bool = False) -> str:
    """As `birth_date`, and 00 for what is missing in a year or a month alone: "abt 1790" is
    1790-00-00, "Mar 1980" and "03/1980" are 1980-03-00.

    For tables, which count how many share such a value; two people born in one year are not two
    born on one day.
    """
    if read := birth_date(value, month_first=month_first):
        return read
    match = _PARTIAL.match(fold(value))
    if match is None:
        return ""
    name = match["month"] or "0"
    known = _MONTH_NAMES.get(name[:4]) or _MONTH_NAMES.get(name[:3])
    month = int(name) if name.isdigit() else known
    if month is None or month > _MONTHS:
        return ""
    return f"{match['year']}-{month:02d}-00"


def _full_year(year: int) -> int:
    if year >= 100 or year == 0:  # noqa: PLR2004 - written in full, or none at all
        return year
    return year + (2000 if year <= _LAST_YEAR else 1900)


@lru_cache(maxsize=16_384)
def squash(value: str) -> str:
    """A name with the German spelling of umlauts undone: "koehler" and "kohler" are one name."""
    for spelt, plain in (("ae", "a"), ("oe", "o"), ("ue", "u")):
        value = value.replace(spelt, plain)
    return value


@lru_cache(maxsize=16_384)
def phonetic(value: str) -> str:
    """A metaphone code of the name without its spaces; names of other scripts stay as they are."""
    import jellyfish

    letters = squash(value.replace(" ", ""))
    if not letters.isascii():
        return letters
    return jellyfish.metaphone(letters) or letters
