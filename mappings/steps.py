"""The steps a mapping may name under `transform`: text in, text or None (blank) out.

Steps are composed from left to right. Each is one row of `TRANSFORMS`, the docs list that table.
They are total: text that is not what a step reads comes out as it went in, and is refused later
where the target's type cannot hold it. Steps that convert read another kind of value than they
write ("1.234,56" to a number), so that there is no way back through them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mappings.fieldmap import ValueType
from mappings.values import canonical, is_valid, phone_e164

_CALL = re.compile(r"([a-z_0-9]+)(?:\((.*)\))?")
_DATE_PARTS = {"YYYY": r"(?P<Y>\d{4})", "MM": r"(?P<M>\d{1,2})", "DD": r"(?P<D>\d{1,2})"}
_MOST_PLACES = 10


@dataclass(frozen=True, slots=True)
class Transform:
    """One named step. `argument` describes what stands in brackets, "" when nothing may; one that
    is `optional` may be left out. `fault` says what is wrong with a given one, None when it is
    right. `converts`: reads another kind of value than it writes.
    """

    apply: Callable[[str, str], str | None]
    says: str
    argument: str = ""
    optional: bool = False
    fault: Callable[[str], str | None] = lambda _: None
    converts: bool = False


def _title(text: str, _: str) -> str:
    """Capitals after each blank, hyphen or apostrophe; words that mix cases are left alone."""
    if not (text.islower() or text.isupper()):
        return text
    return re.sub(r"(^|[\s\-'’])(\w)", lambda m: m[1] + m[2].upper(), text.lower())


def _word(position: int) -> Callable[[str, str], str | None]:
    return lambda text, _: text.split()[position] if text.split() else None


def _all_but(first: int, last: int | None) -> Callable[[str, str], str | None]:
    return lambda text, _: " ".join(text.split()[first:last]) or None


def _name_part(*parts: str) -> Callable[[str, str], str | None]:
    def apply(text: str, _: str) -> str | None:
        name = _parsed_name(text)
        return " ".join(word for part in parts if (word := str(name[part]))) or None

    return apply


@lru_cache(maxsize=4096)
def _parsed_name(text: str) -> Mapping[str, str]:
    from nameparser import HumanName

    name: Any = HumanName(text)
    return {"first": name.first, "middle": name.middle, "last": name.last}


def _number(text: str, mark: str) -> str | None:
    """A number as people write it: signs of currency, blanks and thousands' marks are dropped."""
    mark = mark or "."
    kept = re.sub(rf"[^\d{re.escape(mark)}-]", "", text).replace(mark, ".")
    return kept if _decimal(kept) is not None else text


def _round(text: str, places: str) -> str | None:
    number = _decimal(text)
    if number is None:
        return text
    return f"{number.quantize(Decimal(1).scaleb(-int(places)), ROUND_HALF_UP):f}"


def _multiply(text: str, factor: str) -> str | None:
    number = _decimal(text)
    return text if number is None else f"{number * Decimal(factor):f}"


def _decimal(text: str) -> Decimal | None:
    plain = canonical(text, ValueType.NUMBER)
    if plain is None or not is_valid(plain, ValueType.NUMBER):
        return None
    return Decimal(plain)


def _date(text: str, pattern: str) -> str | None:
    """A day written in the pattern, as YYYY-MM-DD."""
    match = re.match(_date_expression(pattern), text)
    if match is None:
        return text
    try:
        return date(int(match["Y"]), int(match["M"]), int(match["D"])).isoformat()
    except ValueError:
        return text


@lru_cache(maxsize=64)
def _date_expression(pattern: str) -> str:
    found = re.escape(pattern)
    for part, expression in _DATE_PARTS.items():
        found = found.replace(part, expression)
    return found


def _format_date(text: str, pattern: str) -> str | None:
    plain = canonical(text, ValueType.DATE)
    if not is_valid(plain, ValueType.DATE):
        return text
    year, month, day = str(plain).split("-")
    return pattern.replace("YYYY", year).replace("MM", month).replace("DD", day)


def _local_date(text: str, zone: str) -> str | None:
    """The day an instant falls on in a zone; a day without a time stays that day."""
    plain = str(canonical(text, ValueType.DATETIME))
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) or not is_valid(plain, ValueType.DATETIME):
        return text
    return datetime.fromisoformat(plain).astimezone(ZoneInfo(zone)).date().isoformat()


def _start_of_day(text: str, zone: str) -> str | None:
    plain = canonical(text, ValueType.DATE)
    if not is_valid(plain, ValueType.DATE):
        return text
    moment = datetime.combine(date.fromisoformat(str(plain)), time(), ZoneInfo(zone))
    return moment.astimezone(UTC).isoformat()


def _boolean(text: str, words: str) -> str | None:
    known = {word.strip().lower() for word in words.split(",")}
    return "true" if text.strip().lower() in known else "false"


def _zone_fault(zone: str) -> str | None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "must be a time zone, such as Europe/Berlin"
    return None


def _pattern_fault(pattern: str) -> str | None:
    if all(pattern.count(part) == 1 for part in _DATE_PARTS):
        return None
    return "must hold DD, MM and YYYY once each, such as DD.MM.YYYY"


def _count_fault(text: str) -> str | None:
    right = text.isdecimal() and int(text) > 0
    return None if right else "must be a number of characters"


def _places_fault(text: str) -> str | None:
    right = text.isdecimal() and int(text) <= _MOST_PLACES
    return None if right else f"must be a number of digits, 0 to {_MOST_PLACES}"


def _factor_fault(text: str) -> str | None:
    try:
        right = Decimal(text).is_finite() and _decimal(text) is not None
    except InvalidOperation:
        right = False
    return None if right else "must be a number, such as 100 or 0.01"


def _mark_fault(text: str) -> str | None:
    return None if text in {".", ","} else "must be the decimal mark, a point or a comma"


def _country_fault(text: str) -> str | None:
    right = re.fullmatch("[A-Za-z]{2}", text)
    return None if right else "must be a two-letter ISO country"


TRANSFORMS: Mapping[str, Transform] = {
    "trim": Transform(lambda t, _: t.strip(), "Remove blanks at both ends."),
    "single_spaces": Transform(
        lambda t, _: " ".join(t.split()), "One blank between words, none at the ends."
    ),
    "lower": Transform(lambda t, _: t.lower(), "Lower case."),
    "upper": Transform(lambda t, _: t.upper(), "Upper case."),
    "title_case": Transform(_title, "Capitalise each word of text that is all one case."),
    "digits": Transform(lambda t, _: re.sub(r"\D", "", t), "Keep digits alone."),
    "letters": Transform(
        lambda t, _: "".join(c for c in t if c.isalpha() or c.isspace()),
        "Keep letters and blanks alone.",
    ),
    "one_line": Transform(lambda t, _: " ".join(t.split("\n")), "Join lines with a blank."),
    "first_word": Transform(_word(0), "The first word."),
    "last_word": Transform(_word(-1), "The last word."),
    "all_but_first_word": Transform(_all_but(1, None), "Everything after the first word."),
    "all_but_last_word": Transform(_all_but(0, -1), "Everything before the last word."),
    "given_name": Transform(
        _name_part("first", "middle"),
        "The given names of a person's whole name, without titles.",
    ),
    "family_name": Transform(
        _name_part("last"), "The family name of a person's whole name, with its `van` or `de la`."
    ),
    "phone_e164": Transform(
        lambda t, region: phone_e164(t, region.upper() or None) or t,
        "Write a phone as +4930123456 where it can be read, else leave it.",
        "ISO country of national numbers, such as DE",
        optional=True,
        fault=_country_fault,
    ),
    "domain": Transform(
        lambda t, _: (
            re.sub(r"(?i)^(?:https?://)?(?:www\.)?", "", t.rpartition("@")[2])
            .partition("/")[0]
            .lower()
        ),
        "The domain of an e-mail address or a web address.",
    ),
    "url": Transform(
        lambda t, _: t if re.match(r"(?i)https?://", t) else f"https://{t}",
        "Put https:// before an address that has no scheme.",
    ),
    "prefix": Transform(lambda t, text: text + t, "Put text before.", "the text"),
    "suffix": Transform(lambda t, text: t + text, "Put text after.", "the text"),
    "truncate": Transform(
        lambda t, length: t[: int(length)].rstrip(),
        "Keep the first characters.",
        "how many",
        fault=_count_fault,
    ),
    "before": Transform(lambda t, mark: t.partition(mark)[0], "What stands before.", "a mark"),
    "after": Transform(
        lambda t, mark: t.partition(mark)[2] or t, "What stands after, else all.", "a mark"
    ),
    "round": Transform(
        _round,
        "Round a number, halves away from zero.",
        "digits after the point",
        fault=_places_fault,
    ),
    "multiply": Transform(_multiply, "Multiply a number.", "by what", fault=_factor_fault),
    "number": Transform(
        _number,
        "Read a number or an amount as people write it: 1.234,50 with the decimal mark `,`.",
        "the decimal mark, else a point",
        optional=True,
        fault=_mark_fault,
        converts=True,
    ),
    "boolean": Transform(
        _boolean,
        "True for these words, false for all others.",
        "words with commas between them, such as yes,ja,x",
        converts=True,
    ),
    "date": Transform(
        _date,
        "Read a day that is written in this way.",
        "a pattern, such as DD.MM.YYYY",
        fault=_pattern_fault,
        converts=True,
    ),
    "format_date": Transform(
        _format_date,
        "Write a day, or the UTC day of an instant, in this way.",
        "a pattern, such as DD.MM.YYYY",
        fault=_pattern_fault,
        converts=True,
    ),
    "local_date": Transform(
        _local_date,
        "The day an instant falls on in this time zone.",
        "a zone, such as Europe/Berlin",
        fault=_zone_fault,
        converts=True,
    ),
    "start_of_day": Transform(
        _start_of_day,
        "The instant a day begins in this time zone.",
        "a zone, such as Europe/Berlin",
        fault=_zone_fault,
        converts=True,
    ),
    "split_options": Transform(
        lambda t, mark: ";".join(part.strip() for part in t.split(mark)),
        "Make a multi-select of text that lists its options.",
        "the mark between them",
        converts=True,
    ),
    "join_options": Transform(
        lambda t, mark: mark.join(str(canonical(t, ValueType.MULTIPICKLIST) or "").split(";")),
        "List the options of a multi-select as text, in the order of the alphabet.",
        "the mark between them",
        converts=True,
    ),
}


def parse_transform(text: str) -> tuple[str, str] | None:
    """Name and argument of `name` or `name(argument)`; None when it is neither."""
    match = _CALL.fullmatch(text.strip())
    return (match[1], match[2] or "") if match else None


def transform_fault(text: str) -> str | None:
    """What is wrong with one entry of `transform`, None when it can be used."""
    call = parse_transform(text)
    if call is None or call[0] not in TRANSFORMS:
        return f"There is no transform `{text}`."
    name, argument = call
    step = TRANSFORMS[name]
    if argument and not step.argument:
        return f"The transform `{name}` takes no argument."
    if not argument:
        needed = step.argument and not step.optional
        return f"The transform `{name}` needs an argument: {step.argument}." if needed else None
    wrong = step.fault(argument)
    return f"The argument of `{name}` {wrong}." if wrong else None


def converts(steps: Iterable[str]) -> str | None:
    """The first of these steps that reads another kind of value than it writes, else None."""
    for text in steps:
        call = parse_transform(text)
        if call is not None and call[0] in TRANSFORMS and TRANSFORMS[call[0]].converts:
            return call[0]
    return None


def apply_steps(steps: Iterable[str], text: str) -> str | None:
    """The text after every step; a step that leaves nothing ends it with None, blank."""
    found: str | None = text
    for step in steps:
        name, argument = parse_transform(step) or (step, "")
        found = TRANSFORMS[name].apply(found or "", argument)
        if not found:
            return None
    return found
