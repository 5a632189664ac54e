"""Personal names taken apart: titles and suffixes dropped, nicknames tied to their full forms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from matching.text import fold, present
from matching.vocabulary import FULL_NAMES

if TYPE_CHECKING:
    from nicknames import NickNamer

_SIMPLE = re.compile(r"^[^\W\d_]+(?:['’-][^\W\d_]+)*$")
_APOSTROPHES = re.compile("['’`\\u00b4\\u02bb\\u02bc]")
_NOT_WORD = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"\b\d+|\d+(?=[^\W\d_])")
"""Digits that do not end a word: slips, and numbers that stand alone."""
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr", "prof", "herr", "frau", "sir", "mx"})


@dataclass(frozen=True, slots=True)
class Name:
    """A personal name, folded: first given name, further given names, family name."""

    given: str = ""
    middle: str = ""
    family: str = ""


def letters(value: str) -> str:
    """Folded letters in words; apostrophes vanish, hyphens part words. Digits go, but for those
    that end a word: `User12` and `User13` are two."""
    found = _NOT_WORD.sub(" ", _APOSTROPHES.sub("", fold(value)))
    return " ".join(_DIGITS.sub(" ", found).split())


def split(given: str | None, family: str | None) -> Name:
    """The name in two columns as a Name, wherever its owner put the parts.

    One column holding everything ("Dr. Maria van der Berg", "Smith, John") is parsed; two columns
    keep their sides, only titles, suffixes and nicknames in brackets are taken out.
    """
    first, last = _looked_at(given), _looked_at(family)
    if first.simple and last.simple:
        return _name(first.letters.replace(" ", ""), "", last.letters)
    return _parsed(first.text, last.text)


@dataclass(frozen=True, slots=True)
class _Column:
    """What one column says: the text, whether it is but one word or nothing, and its letters."""

    text: str
    simple: bool
    letters: str


@lru_cache(maxsize=16_384)
def _looked_at(value: str | None) -> _Column:
    text = present(value)
    return _Column(text, not text or bool(_SIMPLE.match(text)), letters(text))


@lru_cache(maxsize=16_384)
def _parsed(first: str, last: str) -> Name:
    from nameparser import parse

    if first and last:
        parsed = parse(f"{last.replace(',', ' ')}, {first.replace(',', ' ')}")
    else:
        parsed = parse(first or last)
    name = _name(_one_word(parsed.given), letters(parsed.middle), letters(parsed.family))
    if first and last and not (name.given and name.family):
        return _name(_one_word(first), "", letters(last))  # the parser lost a column
    return name


def _name(given: str, middle: str, family: str) -> Name:
    if given in _TITLES and (middle or family):
        given, _, middle = middle.partition(" ")
    return Name(given, middle, family)


def _one_word(value: str) -> str:
    """A first name as one word: "Anna-Maria" and "Annamaria" are one name."""
    return letters(value).replace(" ", "")


@cache
def _nicknamer() -> NickNamer:
    from nicknames import NickNamer as Nicknames

    return Nicknames()


@lru_cache(maxsize=16_384)
def forms(given: str) -> tuple[str, ...]:
    """The name and the full names it may be short for, sorted; () for an initial or none."""
    if len(given) < 2:  # noqa: PLR2004 - an initial is short for anything
        return ()
    return tuple(sorted({given, *_nicknamer().canonicals_of(given), *FULL_NAMES.get(given, ())}))
