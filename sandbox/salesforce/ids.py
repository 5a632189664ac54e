"""Record ids: fifteen case-sensitive characters and a three-character checksum.

The prefix names the object (FACTS section 4). Ids are minted in growing order per prefix, so that
sorting by Id is sorting by creation, as it nearly is in life.
"""

from __future__ import annotations

import re

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")
_SHORT = 15
_LONG = 18
_SERIAL_DIGITS = 10


def checksum(short: str) -> str:
    """The three characters that make a 15-character id safe where case is lost."""
    suffix = ""
    for start in range(0, _SHORT, 5):
        bits = sum(
            1 << offset
            for offset, char in enumerate(short[start : start + 5])
            if "A" <= char <= "Z"
        )
        suffix += _CHECKSUM[bits]
    return suffix


def to_18(value: str) -> str | None:
    """The 18-character form of a 15- or 18-character id; None where `value` is no id.

    The checksum of an 18-character id repairs the case of its first fifteen characters, as the
    vendor does; a checksum that cannot fit makes it no id.
    """
    if _SHAPE.fullmatch(value) is None:
        return None
    if len(value) == _SHORT:
        return value + checksum(value)
    short, suffix = value[:_SHORT], value[_SHORT:]
    if checksum(short) == suffix:
        return value
    repaired = _repair(short, suffix.upper())
    return None if repaired is None else repaired + checksum(repaired)


def _repair(short: str, suffix: str) -> str | None:
    chars = []
    for index, char in enumerate(short):
        if suffix[index // 5] not in _CHECKSUM:
            return None
        upper = _CHECKSUM.index(suffix[index // 5]) >> index % 5 & 1
        if upper and not char.isalpha():
            return None
        chars.append(char.upper() if upper else char.lower())
    return "".join(chars)


class Minter:
    """Makes ids; `pod` is the two-character instance part every id of an org carries."""

    def __init__(self, pod: str = "Lw") -> None:
        self._pod = pod
        self._serials: dict[str, int] = {}

    def mint(self, prefix: str) -> str:
        """A new 18-character id that begins with `prefix`."""
        serial = self._serials.get(prefix, 0) + 1
        self._serials[prefix] = serial
        digits = ""
        while serial:
            serial, digit = divmod(serial, len(_ALPHABET))
            digits = _ALPHABET[digit] + digits
        short = prefix + self._pod + digits.rjust(_SERIAL_DIGITS, "0")
        return short + checksum(short)
