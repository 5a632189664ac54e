"""Blocking keys: stable numbers that two records of one person are likely to share.

A key is 48 bits of BLAKE2b over its kind and what it is made of, the same on every machine and in
every release, so that it can be stored: six bytes, in which even thirty million others leave two
people together by chance once in ten million look-ups, to no effect but one candidate more. An
index caps keys that too many records carry; every person therefore has several kinds of key, and a
match needs to share only one that is not capped.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from matching.normalise import Person
from matching.text import phonetic

_BYTES = 6
_PHONE_TAIL = 8
_MIN_LOCAL = 6
_MAX_FORMS = 4
_MIN_WORD = 4
_MAX_WORDS = 2


def blocking_keys(person: Person) -> tuple[int, ...]:
    """Every key of the person, sorted, without repetition; () for someone nothing is known of."""
    return tuple(sorted({key_of(kind, *parts) for kind, parts in _raw(person) if all(parts)}))


def key_of(kind: str, *parts: str) -> int:
    """The key of a kind and what it is made of, from -2**47 to 2**47 - 1."""
    digest = blake2b("\x1f".join((kind, *parts)).encode("utf-8", "replace"), digest_size=_BYTES)
    return int.from_bytes(digest.digest(), "big", signed=True)


def _raw(person: Person) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield from _identifier_keys(person)
    yield from _name_keys(person)
    yield from _place_keys(person)
    yield from _birth_keys(person)


def _identifier_keys(person: Person) -> Iterator[tuple[str, tuple[str, ...]]]:
    for address in person.emails:
        yield "e", (address,)
        local = address.partition("@")[0]
        if len(local) >= _MIN_LOCAL:
            yield "el", (local,)
    for number in (*person.phones, *person.weak_phones):
        yield "p", (number[-_PHONE_TAIL:],)


def _name_keys(person: Person) -> Iterator[tuple[str, tuple[str, ...]]]:
    given, family = phonetic(person.given), phonetic(person.family)
    forms = [form for form in (person.forms or (person.given,)) if form][:_MAX_FORMS]
    # Sorted, so that given and family name in each other's column still meet.
    yield "n", tuple(sorted((given, family)))
    yield "gi", (family, person.given[:1])
    for employer in (person.company, *person.domains):
        yield "fc", (family, employer)
        for form in forms:
            yield "gc", (form, employer)
    for form in forms:
        yield "nf", (form, family)
    # Letters that changed places, within a name or between the columns, are the same letters.
    yield "na", ("".join(sorted(f"{person.given}{person.family}".replace(" ", ""))),)
    # A slip in the middle of the family name can change how it sounds, not where it begins.
    yield "gx", (given, person.family[:2] + person.family[-1:])


def _place_keys(person: Person) -> Iterator[tuple[str, tuple[str, ...]]]:
    city = phonetic(person.city)
    for name in (phonetic(person.given), phonetic(person.family)):
        # One prefix for both names: they stand in each other's column often enough.
        yield "ac", (name, city)
        yield "ap", (name, person.postcode)
        yield "as", (name, _front(person.street))
    if person.street:
        yield "sp", (person.street, person.postcode)
        yield "sc", (_front(person.street), city)
        # Sorted digits: two of them changing places is the commonest slip in a postcode.
        digits = "".join(sorted(person.postcode))
        yield "nq", (_number(person.street), digits)
        yield "nc", (_number(person.street), city)
        yield "so", tuple(sorted(person.street.split()))
        # The house number may be missing or wrong, and the words stand in any order.
        for word in _words(person.street):
            yield "wq", (word, digits)


def _front(street: str) -> str:
    """House number and the sound of the first word of the street."""
    name = next((token for token in street.split() if token.isalpha()), "")
    return f"{_number(street)} {phonetic(name)}" if name else ""


def _words(street: str) -> list[str]:
    """The sounds of the longest words: those that name a street or a house."""
    named = {token for token in street.split() if token.isalpha() and len(token) >= _MIN_WORD}
    longest = sorted(named, key=lambda token: (-len(token), token))[:_MAX_WORDS]
    return sorted({phonetic(token) for token in longest})


def _number(street: str) -> str:
    return next((token for token in street.split() if token.isdigit()), "")


def _birth_keys(person: Person) -> Iterator[tuple[str, tuple[str, ...]]]:
    born = person.birth_date
    if not born:
        return
    given, family = phonetic(person.given), phonetic(person.family)
    yield "bf", (born, person.family[:1])
    yield "bg", (born, person.given[:1])
    yield "bn", (born, _number(person.street))
    yield "bp", (born, person.postcode)
    yield "bc", (born, phonetic(person.city))
    yield "yf", (born[:4], family)
    yield "yg", (born[:7], given)
