"""The pen that generated tables are written with: the slips of life, towns, names, dates.

Names and places are the sandbox's; no person is meant. One seed gives one world.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from sandbox.world.draw import Draw
from sandbox.world.names import ENGLISH, Culture

Row = dict[str, str]
Columns = dict[str, list[str]]

LETTERS = "abcdefghijklmnopqrstuvwxyz"
STREETS = (
    "Main Street;Oak Avenue;Park Road;High Street;Church Lane;Mill Road;Station Road;Elm Drive;"
    "Maple Court;Cedar Lane;Washington Street;Lake View Drive;Hill Street;River Road;Spring Street;"
    "Sunset Boulevard;North Street;College Avenue;Franklin Street;Pleasant Avenue;Union Street;"
    "Chestnut Street;Walnut Street;Highland Avenue;Prospect Street;Meadow Lane;Forest Drive"
).split(";")
STRASSEN = (
    "Hauptstraße;Bahnhofstraße;Gartenstraße;Schulstraße;Dorfstraße;Bergstraße;Lindenstraße;"
    "Kirchstraße;Waldstraße;Ringstraße;Am Markt;Mühlenweg;Rosenweg;Goethestraße;Schillerstraße;"
    "Jahnstraße;Mozartstraße;Birkenweg;Lerchenweg;Königsallee;Breite Straße;Fliederweg"
).split(";")
TRADES = (
    "farmer;painter;author;politician;clergyman;engineer;merchant;physician;lawyer;actor;soldier;"
    "architect;teacher;composer;botanist;sailor;printer;banker;poet;explorer;cricketer;judge"
).split(";")


@dataclass(frozen=True)
class TableWorld:
    """One or two tables (`right` None: dedupe) with the label of each row, left first."""

    name: str
    left: Columns
    right: Columns | None
    labels: list[str]


@dataclass
class Pen:
    """Writes rows down with the slips of life."""

    random: random.Random
    places: list[tuple[str, str, str]] = field(default_factory=list)

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return self.random.random() < share

    def slip(self, text: str) -> str:
        """One letter or digit wrong, missing, doubled, or two in the wrong order."""
        if len(text) < 2:
            return text
        at = self.random.randrange(len(text) - 1)
        other = self.random.choice("0123456789" if text[at].isdigit() else LETTERS)
        kind = self.random.randrange(4)
        if kind == 0:
            return text[:at] + other + text[at + 1 :]
        if kind == 1:
            return text[:at] + text[at + 1 :]
        if kind == 2:
            return text[:at] + other + text[at:]
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]

    def copied(self, row: Row, *, slips: float, missing: float, keep: frozenset[str]) -> Row:
        """The row written down again."""
        made = {}
        for name, value in row.items():
            if name not in keep and self.chance(missing):
                made[name] = ""
            elif name not in keep and value and self.chance(slips):
                made[name] = self.slip(value)
            else:
                made[name] = value
        return made

    def place(self, count: int) -> tuple[str, str, str]:
        """Town, postcode and state; a few towns hold most people."""
        if not self.places:
            for number in range(count):
                culture = ENGLISH
                town = self.random.choice(culture.family) + self.random.choice(
                    (" Springs", "ville", "ton", " Falls", "field")
                )
                code = f"{self.random.randrange(10000, 99000) + number:05d}"
                self.places.append((town, code, self.random.choice(("WA", "OR", "ID"))))
        # The square makes the first towns the large ones.
        return self.places[int(count * self.random.random() ** 2)]


def name_of(draw: Draw, culture: Culture) -> tuple[str, str]:
    """A given and a family name, common ones more often."""
    return draw.skewed(culture.given), draw.family(culture)


def date_of(pen: Pen, low: int, high: int) -> tuple[int, int, int]:
    """Year, month and day between two years."""
    return pen.random.randint(low, high), pen.random.randint(1, 12), pen.random.randint(1, 28)


def _columns(rows: list[Row], id_column: str = "id") -> Columns:
    return {id_column: [str(i) for i in range(len(rows))]} | {
        name: [row[name] for row in rows] for name in rows[0]
    }


def _shuffled(rows: list[tuple[str, Row]], seed: str) -> list[tuple[str, Row]]:
    mixed = list(rows)
    random.Random(seed).shuffle(mixed)
    return mixed


def world_of(
    name: str, left: list[tuple[str, Row]], right: list[tuple[str, Row]] | None = None
) -> TableWorld:
    """The world of labelled rows, in an order that says nothing; one table is deduped."""
    ours = _shuffled(left, f"{name}/left")
    theirs = _shuffled(right, f"{name}/right") if right is not None else None
    labels = [label for label, _ in (*ours, *(theirs or ()))]
    return TableWorld(
        name,
        _columns([row for _, row in ours]),
        _columns([row for _, row in theirs]) if theirs is not None else None,
        labels,
    )
