"""As many people as wanted, and some of them written down again: for measuring time and memory.

Names, towns and streets are drawn skewed, so that a few are common and most are rare, as in life; a
tenth has moved, values are missing or mistyped. No person is meant; one seed gives one crowd.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from benchmarks.table_pen import Columns, Row, TableWorld
from sandbox.world.names import ENGLISH

_SYLLABLES = (
    "al an ar bar bel ben bor bran car cor dan del den dor el er fal fen gar ger hal har hol hor "
    "is jor kal kar kel lan len lin lor mal mar mel mor nal nor ol or pal par pel ran rel ros sal "
    "sam sel sor tal tan tel tor ul val van ver wal wen wil wor yar zel"
).split()
_ENDS = "son ton ley man berg ford well by er ham field wick worth sen ski ov".split()
_KINDS = ("Street", "Avenue", "Road", "Lane", "Drive", "Court", "Way", "Place")
_PROVIDERS = ("gmail.com", "outlook.com", "yahoo.com", "icloud.com", "gmx.net", "proton.me")
_HEADERS = (
    "id", "first_name", "last_name", "email", "phone", "address", "city", "postcode", "dob"
)  # fmt: skip
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_TOWNS, _STREETS, _DOMAINS = 3_000, 4_000, 40_000
_AGAIN = 0.6
"""Share of the right rows that are people of the left table."""


def crowd(left: int, right: int, seed: int = 11) -> TableWorld:
    """`left` different people, and `right` rows of whom six in ten are among them."""
    rng = random.Random(f"crowd/{seed}")
    draw = drawer(rng)
    people = [draw() for _ in range(left)]
    again = rng.sample(range(left), min(left, round(right * _AGAIN)))
    rows = [(number, retyped(rng, people[number], draw)) for number in again]
    rows += [(left + at, draw()) for at in range(right - len(rows))]
    rng.shuffle(rows)
    labels = [*map(str, range(left)), *(str(number) for number, _ in rows)]
    return TableWorld("crowd", _columns(people), _columns([row for _, row in rows]), labels)


def _columns(rows: list[Row]) -> Columns:
    return {"id": [str(at) for at in range(len(rows))]} | {
        name: [row[name] for row in rows] for name in _HEADERS[1:]
    }


def _skewed(rng: random.Random, size: int) -> int:
    """A place in a list of so many, early ones far more often."""
    return int(size ** rng.random()) - 1


def _family(rng: random.Random) -> str:
    if rng.random() < 0.4:
        return ENGLISH.family[_skewed(rng, len(ENGLISH.family))]
    middle = rng.choice(_SYLLABLES) if rng.random() < 0.6 else ""
    return (rng.choice(_SYLLABLES) + middle + rng.choice(_ENDS)).capitalize()


def drawer(rng: random.Random) -> Callable[[], Row]:
    """Draws one more person each time it is called."""
    towns = [_town(rng) for _ in range(_TOWNS)]
    streets = [f"{_family(rng)} {rng.choice(_KINDS)}" for _ in range(_STREETS)]

    def draw() -> Row:
        given, family = ENGLISH.given[_skewed(rng, len(ENGLISH.given))], _family(rng)
        town, code = towns[_skewed(rng, _TOWNS)]
        row = {
            "first_name": given,
            "last_name": family,
            "email": _email(rng, given, family) if rng.random() < 0.75 else "",
            "phone": _phone(rng),
            "address": f"{_skewed(rng, 3_000) + 1} {streets[_skewed(rng, _STREETS)]}",
            "city": town,
            "postcode": code,
            "dob": f"{rng.randint(1935, 2006)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
        }
        return row | {name: "" for name in ("phone", "dob") if rng.random() < 0.15}

    return draw


def _town(rng: random.Random) -> tuple[str, str]:
    """A town and its postcode."""
    return _family(rng) + rng.choice(("ville", "ton", " Falls")), f"{rng.randrange(10_000, 99_000)}"


def _phone(rng: random.Random) -> str:
    return f"+1 {rng.randrange(201, 989)} {rng.randrange(200, 999)} {rng.randrange(10_000):04d}"


def _email(rng: random.Random, given: str, family: str) -> str:
    local = rng.choice(
        (f"{given}.{family}", f"{given[0]}{family}", f"{family}{rng.randrange(1_000)}")
    )
    where = (
        rng.choice(_PROVIDERS) if rng.random() < 0.6 else f"firm{_skewed(rng, _DOMAINS)}.example"
    )
    number = str(rng.randrange(100)) if rng.random() < 0.5 else ""
    return f"{local}{number}@{where}".lower()


def retyped(rng: random.Random, row: Row, draw: Callable[[], Row]) -> Row:
    """The person written down again, some years later and in a hurry."""
    made = dict(row)
    if rng.random() < 0.1:
        made |= {
            name: value
            for name, value in draw().items()
            if name in {"address", "city", "postcode", "phone"}
        }
    for name, value in made.items():
        chance = rng.random()
        if chance < 0.12 and name not in {"first_name", "last_name"}:
            made[name] = ""
        elif chance > 0.95 and len(value) > 2:
            at = rng.randrange(len(value) - 1)
            made[name] = value[:at] + rng.choice(_LETTERS) + value[at + 1 :]
    return made
