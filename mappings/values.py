"""What a value is, whichever vendor spelled it.

`canonical` turns a HubSpot string or a Salesforce native into one plain form per `ValueType`;
`to_vendor` is the way back; `equal` says whether two values mean the same. All are pure and total:
a value that is not what its type says (a phone that is no phone, a number that is no number) is
kept as text and compares as text. Rejecting it is `mappings.transforms`' business.

Canonical forms: text (trimmed, LF line ends, NFC; blank is None), decimal text for number and
currency ("12.5", never an exponent), True/False, "YYYY-MM-DD" for dates, which never cross zones,
"YYYY-MM-DDTHH:MM:SSZ" for datetimes, "a;b" sorted without repeats for multi-selects.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from mappings.fieldmap import ValueType
from mappings.records import Json

HUBSPOT = "hubspot"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS = re.compile(r"-?[0-9]{9,15}")
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?=$|[T ])")
_TRUE = {"true", "yes", "1", "on"}
_FALSE = {"false", "no", "0", "off"}
_DIGITS = 40  # longer or more extreme numbers are text, not amounts
_NUMERIC = frozenset({ValueType.NUMBER, ValueType.CURRENCY})
_CHECKBOX = frozenset({ValueType.BOOLEAN})
_LOOSE = frozenset({ValueType.PHONE, ValueType.URL, ValueType.BOOLEAN})
_CHECKED = _NUMERIC | {ValueType.BOOLEAN, ValueType.DATE, ValueType.DATETIME, ValueType.EMAIL}


def canonical(value: Json, type: ValueType) -> Json:
    """The value in the canonical form of its type; blank is None. Idempotent."""
    if value is None or (value.__class__ is bool and type in _CHECKBOX):
        return value
    text = _text(value)
    if text is None:
        return None
    form = _FORMS.get(type)
    return text if form is None else form(text)


def comparable(value: Json, type: ValueType, *, region: str | None = None) -> Json:
    """A form that is the same for equal values: for comparing and hashing, never for writing.

    Phones become E.164 where they can be read (`region`, an ISO country, reads national ones),
    else their digits; addresses of web pages lose scheme and trailing slash; an unknown checkbox
    is an unticked one, because Salesforce knows no third state.
    """
    plain = canonical(value, type)
    if type is ValueType.BOOLEAN:
        return False if plain is None else plain
    if not isinstance(plain, str):
        return plain
    if type is ValueType.PHONE:
        return phone_e164(plain, region) or re.sub(r"\D", "", plain) or plain
    if type is ValueType.URL:
        bare = re.sub(r"(?i)^https?://", "", plain).rstrip("/")
        host, slash, path = bare.partition("/")
        return (host.lower() + slash + path) or plain
    return plain


def equal(a: Json, b: Json, type: ValueType, *, region: str | None = None) -> bool:
    """Whether two values, in any vendor's spelling, mean the same."""
    if a.__class__ is b.__class__ and a == b:
        return True
    left, right = canonical(a, type), canonical(b, type)
    if left == right or type not in _LOOSE:
        return bool(left == right)
    return bool(comparable(left, type, region=region) == comparable(right, type, region=region))


def to_vendor(value: Json, type: ValueType, system: str) -> Json:
    """The value as the vendor takes it.

    HubSpot takes strings, "" to clear (FACTS section 2). Everything else takes JSON natives and
    None to clear; a Salesforce checkbox is cleared by False.
    """
    plain = canonical(value, type)
    if system == HUBSPOT:
        return _to_hubspot(plain, type)
    if plain is None:
        return False if type is ValueType.BOOLEAN else None
    if type in _NUMERIC and isinstance(plain, str):
        return _native_number(plain)
    if type is ValueType.DATETIME and isinstance(plain, str) and plain.endswith("Z"):
        return plain[:-1] + ".000+0000"
    return plain


def is_valid(value: Json, type: ValueType) -> bool:
    """Whether a non-blank value really is of its type; blank always is."""
    if type not in _CHECKED:
        return True
    plain = canonical(value, type)
    if plain is None:
        return True
    if type in _NUMERIC:
        return _decimal(plain) is not None
    if type is ValueType.BOOLEAN:
        return isinstance(plain, bool)
    if type is ValueType.DATE:
        return _parse_date(plain) is not None and len(plain) == len("2026-01-01")
    if type is ValueType.DATETIME:
        return _parse_datetime(plain) is not None
    return re.fullmatch(r"[^@\s]+@[^@\s]+", plain) is not None


@lru_cache(maxsize=4096)
def phone_e164(text: str, region: str | None = None) -> str | None:
    """The phone number in E.164 with ";ext=" where there is one, or None when it cannot be read.

    Without a region only numbers written with their country code can be read.
    """
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{plain};ext={number.extension}" if number.extension else plain


def _text(value: Json) -> str | None:
    if value is None:
        return None
    if value.__class__ is str and value.isascii() and "\r" not in value:
        return value.strip() or None  # what nearly every value is
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        value = repr(value)
    if isinstance(value, list):
        value = ";".join(str(item) for item in value)
    text = str(value)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.strip() or None


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > _DIGITS:
        return None
    return number if len(number.as_tuple().digits) <= _DIGITS else None


def _number(text: str) -> str:
    number = _decimal(text)
    if number is None or "_" in text:
        return text
    plain = f"{number:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in {"-0", ""} else plain


def _native_number(text: str) -> Json:
    number = _decimal(text)
    if number is None:
        return text
    return int(number) if number == number.to_integral_value() else float(number)


def _boolean(text: str) -> Json:
    word = text.lower()
    if word in _TRUE:
        return True
    return False if word in _FALSE else text


def _date(text: str) -> str:
    """A day; the time a vendor attaches to it is cut off, never converted to another zone."""
    found = _parse_date(text)
    return found.isoformat() if found is not None else text


def _parse_date(text: str) -> date | None:
    if _MILLISECONDS.fullmatch(text) or text == "0":
        moment = _from_milliseconds(text)
        return moment.date() if moment is not None else None
    match = _DATE.match(text)
    if match is None:
        return None
    try:
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        return None


def _from_milliseconds(text: str) -> datetime | None:
    try:
        return _EPOCH + timedelta(milliseconds=int(text))
    except OverflowError:
        return None


def _parse_datetime(text: str) -> datetime | None:
    if _MILLISECONDS.fullmatch(text) or text == "0":
        return _from_milliseconds(text)
    if _DATE.match(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _datetime(text: str) -> str:
    """An instant, whole seconds (Salesforce keeps no more, FACTS section 4), UTC."""
    moment = _parse_datetime(text)
    if moment is None:
        return text
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _multiple(text: str) -> str | None:
    parts = {part.strip() for part in text.split(";")}
    return ";".join(sorted(part for part in parts if part)) or None


def _to_hubspot(plain: Json, type: ValueType) -> str:
    if plain is None:
        return ""
    if isinstance(plain, bool):
        return "true" if plain else "false"
    text = str(plain)
    if type is ValueType.DATETIME and text.endswith("Z"):
        return text[:-1] + ".000Z"
    return text


_FORMS: Mapping[ValueType, Callable[[str], Json]] = {
    ValueType.NUMBER: _number,
    ValueType.CURRENCY: _number,
    ValueType.BOOLEAN: _boolean,
    ValueType.DATE: _date,
    ValueType.DATETIME: _datetime,
    ValueType.MULTIPICKLIST: _multiple,
    ValueType.EMAIL: str.lower,
}
"""How a text of each type becomes canonical; of any other it is as it stands."""
