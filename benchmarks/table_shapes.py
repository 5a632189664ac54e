"""More generated tables with the truth, of shapes that nobody made for matching.

Employers' pay lists against a census with birth years alone, parish books read by a machine,
German registers in two notations, lists of twenty to two hundred rows, fifty people against fifty
thousand, headers of forms and surveys, a name and a town and nothing else. No person is meant; one
seed gives one world.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from benchmarks.crowd import crowd
from benchmarks.table_pen import (
    STRASSEN,
    STREETS,
    TRADES,
    Pen,
    Row,
    TableWorld,
    date_of,
    name_of,
    world_of,
)
from sandbox.world.draw import Draw
from sandbox.world.names import ENGLISH, GERMAN
from sandbox.world.places import COUNTRIES

Labelled = list[tuple[str, Row]]

_WORKS = (
    "Acton Mill;Belford & Sons;Corbet Iron Works;Denby Railway;Elton Brewery;Ferry Dock Company;"
    "Garth Colliery;Holt Brothers;Ingle Foundry;Jessop Shipyard;Kirk Printing;Leigh Tannery"
).split(";")
_CUT_SHORT = {
    "William": "Wm.", "Thomas": "Thos.", "John": "Jno.", "Charles": "Chas.", "George": "Geo.",
    "James": "Jas.", "Robert": "Robt.", "Joseph": "Jos.", "Samuel": "Saml.", "Richard": "Richd.",
    "Elizabeth": "Eliz.", "Margaret": "Margt.", "Edward": "Edwd.", "Benjamin": "Benj.",
}  # fmt: skip
"""Given names as clerks wrote them."""
_DRIFT = ("i y", "y ie", "ck k", "son sen", "tt t", "ll l", "ph f", "ey y", "oo o", "ea ee")
"""How one name was spelt another time."""
_MISREAD = ("rn m", "m rn", "l 1", "e c", "h b", "ii u", "n u", "o 0", "cl d", "f t")
"""What a machine takes for what."""
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_UMLAUTS = (("ä", "ae", "a"), ("ö", "oe", "o"), ("ü", "ue", "u"), ("ß", "ss", "s"))


def _started(name: str, seed: int) -> tuple[Pen, Draw]:
    return Pen(random.Random(f"{name}/{seed}")), Draw(f"{name}/{seed}")


def _exchanged(pen: Pen, text: str, pairs: tuple[str, ...]) -> str:
    """The text with one of the exchanges that fit it, behind its first letter."""
    fit = [pair.split() for pair in pairs if pair.split()[0] in text[1:]]
    if not fit:
        return text
    old, new = pen.random.choice(fit)
    return text[0] + text[1:].replace(old, new, 1)


# --- registers ----------------------------------------------------------------------------------


def pay_lists(people: int = 900, seed: int = 1) -> TableWorld:
    """A census against employers' pay lists: the year of birth alone, and that guessed; a third of
    either side in the other; several employers a person; other names for the same columns."""
    pen, draw = _started("pay", seed)
    left: Labelled = []
    right: Labelled = []
    home: Row = {}
    for number in range(people):
        given, family = name_of(draw, ENGLISH)
        if not home or pen.chance(0.4):
            home = {"family": family, "number": str(pen.random.randrange(1, 120)),
                    "street": pen.random.choice(STREETS), "town": pen.place(15)[0]}  # fmt: skip
        family = home["family"] if pen.chance(0.8) else family
        row = {"Forename": given, "Surname": family,
               "Year of birth": str(pen.random.randint(1835, 1900)),
               "Sex": pen.random.choice("MF"), "Occupation": pen.random.choice(TRADES),
               "Dwelling": f"{home['number']} {home['street']}", "Town": home["town"],
               "Relation to head": pen.random.choice(("head", "wife", "son", "daughter")),
               "Enumeration district": str(pen.random.randrange(1, 30))}  # fmt: skip
        kind = pen.random.random()
        if kind < 0.65:
            left.append((str(number), pen.copied(row, slips=0.04, missing=0.04, keep=frozenset())))
        if kind < 0.3 or kind >= 0.65:
            jobs = pen.random.choice((1, 1, 1, 2, 3))
            right += [(str(number), _paid(pen, draw, row, home)) for _ in range(jobs)]
    return world_of(f"pay lists {people}", left, right)


def _paid(pen: Pen, draw: Draw, row: Row, home: Row) -> Row:
    """One employer's line about somebody of the census."""
    given, number, street = row["Forename"], home["number"], home["street"]
    if pen.chance(0.15):
        given = draw.nickname(given) or given
    elif pen.chance(0.1):
        given = f"{given[0]}."
    if pen.chance(0.15):  # moved
        number, street = str(pen.random.randrange(1, 120)), pen.random.choice(STREETS)
    if pen.chance(0.5):
        street = street.replace("Street", "St.").replace("Road", "Rd").replace("Avenue", "Ave")
    year = int(row["Year of birth"]) + pen.random.choice((0, 0, 0, 0, 1, -1, 2, -2))
    made = {"works": pen.random.choice(_WORKS), "last": row["Surname"], "first": given,
            "yob": str(year),
            "trade": row["Occupation"] if pen.chance(0.7) else pen.random.choice(TRADES),
            "address": f"{number} {street}" if pen.chance(0.8) else f"{street} {number}",
            "city": home["town"] if pen.chance(0.9) else pen.place(15)[0],
            "wage": str(pen.random.randrange(10, 60)), "week": "12"}  # fmt: skip
    return pen.copied(made, slips=0.05, missing=0.06, keep=frozenset({"week"}))


def parish_books(people: int = 700, seed: int = 2, *, link: bool = False) -> TableWorld:
    """Entries of a few parishes, half of them read by a machine: letters mistaken, spelling that
    drifts, dates and years missing, given names cut short, the father's name for half. With `link`
    they are in two tables, either of which has people twice."""
    pen, draw = _started("parish", seed)
    left: Labelled = []
    right: Labelled = []
    for number in range(people):
        given, family = name_of(draw, ENGLISH)
        year, month, day = date_of(pen, 1690, 1850)
        row = {"name": given, "surname": family, "father": draw.skewed(ENGLISH.given),
               "parish": pen.place(9)[0], "year": str(year),
               "date": f"{day} {_MONTHS[month - 1]} {year}"}  # fmt: skip
        for at in range(pen.random.choice((1, 1, 2, 2, 3, 4))):
            side = right if link and at % 2 else left
            side.append((str(number), _entered(pen, row)))
    return world_of("parish books", left, right if link else None)


def _entered(pen: Pen, row: Row) -> Row:
    """Somebody as one of the books has them."""
    made = {**row, "source": pen.random.choice(("transcript", "register", "index")),
            "page": str(pen.random.randrange(1, 400))}  # fmt: skip
    if pen.chance(0.3):
        made["name"] = _CUT_SHORT.get(row["name"], row["name"])
    if pen.chance(0.25):
        made["surname"] = _exchanged(pen, made["surname"], _DRIFT)
    if pen.chance(0.5):  # read by a machine
        for name in ("name", "surname", "father", "parish"):
            made[name] = _exchanged(pen, made[name], _MISREAD) if pen.chance(0.25) else made[name]
    if pen.chance(0.35):
        made["date"] = "" if pen.chance(0.5) else f"abt {row['year']}"
    made["year"] = "" if pen.chance(0.4) else made["year"]
    made["father"] = "" if pen.chance(0.5) else made["father"]
    made["parish"] = pen.place(9)[0] if pen.chance(0.08) else made["parish"]
    return made


def registrations(people: int = 700, seed: int = 3, *, whole: bool = False) -> TableWorld:
    """A German register of residents against a club's list: umlauts written out or dropped, von and
    zu, Herr Dr., streets cut short, dates as 31.12.1980 or 1980-12-31; with `whole` the club has
    the name in one cell and the address in another."""
    pen, draw = _started("register", seed)
    left: Labelled = []
    right: Labelled = []
    home: Row = {}
    for number in range(people):
        given, family = name_of(draw, GERMAN)
        if pen.chance(0.06):
            family = f"{pen.random.choice(('von', 'zu', 'von der', 'vom'))} {family}"
        if not home or pen.chance(0.6):
            city = draw.skewed(COUNTRIES["DE"].cities)
            home = {"Familienname": family, "Straße": pen.random.choice(STRASSEN),
                    "Nr": str(pen.random.randrange(1, 140)),
                    "PLZ": f"{city.postcode}{pen.random.randrange(100, 999)}"[:5],
                    "Ort": city.name}  # fmt: skip
        year, month, day = date_of(pen, 1930, 2004)
        row = {"Anrede": pen.random.choice(("Herr", "Frau")),
               "Titel": "Dr." if pen.chance(0.08) else "", "Vornamen": given, **home,
               "geb. am": f"{day:02d}.{month:02d}.{year}",
               "Staatsangehörigkeit": "deutsch" if pen.chance(0.85) else "türkisch"}  # fmt: skip
        kind = pen.random.random()
        if kind < 0.7:
            left.append((str(number), pen.copied(row, slips=0.02, missing=0.03, keep=frozenset())))
        if kind < 0.4 or kind >= 0.7:
            right.append((str(number), _member(pen, row, whole=whole)))
    return world_of(f"registrations {people}{' whole' if whole else ''}", left, right)


def _member(pen: Pen, row: Row, *, whole: bool) -> Row:
    """Somebody of the register as the club has them."""
    day, month, year = row["geb. am"].split(".")
    made, way = dict(row), pen.random.random()
    for name in ("Vornamen", "Familienname", "Straße", "Ort"):
        for umlaut, spelt, plain in _UMLAUTS if way < 0.5 else ():
            made[name] = made[name].replace(umlaut, spelt if way < 0.35 else plain)
    if pen.chance(0.5):
        made["Straße"] = made["Straße"].replace("straße", "str.").replace("strasse", "str.")
    born = f"{year}-{month}-{day}" if pen.chance(0.6) else ""
    kept = frozenset({"Straße", "Nr", "PLZ", "Ort"}) if whole else frozenset()
    made = pen.copied(made, slips=0.04, missing=0.04, keep=kept)
    title = f"{made['Titel']} " if made["Titel"] else ""
    if whole:
        return {"Mitglied": f"{row['Anrede']} {title}{made['Vornamen']} {made['Familienname']}",
                "Anschrift": f"{made['Straße']} {made['Nr']}, {made['PLZ']} {made['Ort']}",
                "Geburtstag": born, "Beitrag": pen.random.choice(("30", "60", "90"))}  # fmt: skip
    return {"Vorname": made["Vornamen"], "Nachname": f"{title}{made['Familienname']}",
            "Strasse": f"{made['Straße']} {made['Nr']}", "Postleitzahl": made["PLZ"],
            "Wohnort": made["Ort"], "Geburtsdatum": born}  # fmt: skip


def electoral_rolls(people: int = 1200, seed: int = 9) -> TableWorld:
    """Two years of a roll full of columns that say next to nothing."""
    pen, draw = _started("rolls", seed)
    left: Labelled = []
    right: Labelled = []
    for number in range(people):
        given, family = name_of(draw, ENGLISH)
        town, code, _ = pen.place(20)
        age = pen.random.randrange(18, 90)
        middle = draw.skewed(ENGLISH.given) if pen.chance(0.7) else ""
        row = {"first_name": given, "middle_name": middle, "last_name": family,
               "name_suffix": "JR" if pen.chance(0.03) else "", "gender": pen.random.choice("MF"),
               "age": str(age), "group": pen.random.choice("WWWBAO"),
               "party": pen.random.choice(("DEM", "REP", "UNA")), "address": _door(pen),
               "city": town, "state": "NC", "zip": code,
               "birth_place": pen.random.choice(("NC", "NC", "VA", "NY")),
               "county_id": str(pen.random.randrange(1, 6)), "status": "ACTIVE"}  # fmt: skip
        kind = pen.random.random()
        if kind < 0.8:
            left.append((str(number), row))
        if kind < 0.6 or kind > 0.8:
            later = {**row, "age": str(age + 1)}
            if pen.chance(0.15):  # moved
                later["city"], later["zip"], _ = pen.place(20)
                later["address"] = _door(pen)
            later["last_name"] = draw.family(ENGLISH) if pen.chance(0.05) else family
            kept = frozenset({"state", "status"})
            right.append((str(number), pen.copied(later, slips=0.03, missing=0.03, keep=kept)))
    return world_of("electoral rolls", left, right)


def _door(pen: Pen) -> str:
    return f"{pen.random.randrange(1, 3000)} {pen.random.choice(STREETS)}".upper()


def few_surnames(people: int = 1200, seed: int = 8) -> TableWorld:
    """Five surnames hold two thirds of the people; birth dates and postcodes tell them apart."""
    pen, draw = _started("few", seed)
    rows: Labelled = []
    for number in range(people):
        given, family = name_of(draw, ENGLISH)
        if pen.chance(0.67):
            family = pen.random.choice(("Jones", "Davies", "Williams", "Evans", "Thomas"))
        year, month, day = date_of(pen, 1930, 2004)
        row = {"forename": given, "surname": family, "dob": f"{day:02d}/{month:02d}/{year}",
               "postcode": pen.place(25)[1], "status": "active" if pen.chance(0.9) else "left",
               "county": "Gwynedd", "batch": str(pen.random.randrange(4))}  # fmt: skip
        kept = frozenset({"county", "status"})
        rows += [
            (str(number), pen.copied(row, slips=0.04, missing=0.06, keep=kept))
            for _ in range(2 if pen.chance(0.3) else 1)
        ]
    return world_of("few surnames", rows)


# --- lists --------------------------------------------------------------------------------------


def small(people: int = 40, seed: int = 4, *, link: bool = False) -> TableWorld:
    """A short list of members with a household here and there, two in five of them twice; with
    `link` the second time in another list, beside strangers."""
    pen, draw = _started(f"small/{people}", seed)
    left: Labelled = []
    right: Labelled = []
    home: Row = {}
    for number in range(people):
        given, family = name_of(draw, ENGLISH)
        if not home or pen.chance(0.75):
            town, code, _ = pen.place(6)
            home = {"Last name": family, "Street": _door(pen).title(), "City": town, "ZIP": code}
        row = _listed(pen, given, home)
        left.append((str(number), pen.copied(row, slips=0.02, missing=0.1, keep=frozenset())))
        if pen.chance(0.4):
            again = pen.copied(row, slips=0.08, missing=0.25, keep=frozenset())
            (right if link else left).append((str(number), again))
        elif link and pen.chance(0.4):
            other, name = name_of(draw, ENGLISH)
            stranger = _listed(pen, other, {**home, "Last name": name, "Street": ""})
            right.append((f"x{number}", stranger))
    return world_of(f"small {people}{' link' if link else ''}", left, right if link else None)


def _listed(pen: Pen, given: str, home: Row) -> Row:
    year, month, day = date_of(pen, 1940, 2004)
    mailbox = f"{given}.{home['Last name']}{pen.random.randrange(99)}".lower()
    return {"First name": given, **home, "Phone": f"503-555-{pen.random.randrange(10**4):04d}",
            "Email": f"{mailbox}@mail.example", "Born": f"{month}/{day}/{year}"}  # fmt: skip


def name_and_town(people: int = 1000, seed: int = 7, towns: int = 300) -> TableWorld:
    """A name and a town and nothing else."""
    pen, draw = _started("town", seed)
    left: Labelled = []
    right: Labelled = []
    for number in range(people):
        given, family = name_of(draw, ENGLISH)
        row = {"name": f"{given} {family}", "city": pen.place(towns)[0]}
        kind, way = pen.random.random(), pen.random.random()
        if kind < 0.75:
            left.append((str(number), pen.copied(row, slips=0.03, missing=0.0, keep=frozenset())))
        if kind < 0.5 or kind > 0.75:
            if way < 0.1:
                row["name"] = f"{family}, {given}"
            elif way < 0.2:
                row["name"] = f"{draw.nickname(given) or given} {family}"
            right.append((str(number), pen.copied(row, slips=0.06, missing=0.03, keep=frozenset())))
    return world_of(f"name and town {people}", left, right)


def restaurants(count: int = 350, seed: int = 10) -> TableWorld:
    """Two guides to restaurants in one list: no person, no date, kinds that nobody agrees on."""
    pen, draw = _started("food", seed)
    kinds = "italian french american seafood steakhouse asian mexican cafe delis pizza".split()
    rows: Labelled = []
    for number in range(count):
        name = pen.random.choice(("", "the ", "cafe ", "le ", "chez ")) + draw.family(ENGLISH)
        name += pen.random.choice(("", "'s", " grill", " bistro", " restaurant", " on main"))
        numbers = [pen.random.randrange(200, 999) for _ in range(2)]
        phone = f"{numbers[0]}/{numbers[1]}-{pen.random.randrange(10**4):04d}"
        row = {"name": name.lower(), "addr": _door(pen).lower(), "city": pen.place(6)[0].lower(),
               "phone": phone, "type": pen.random.choice(kinds)}  # fmt: skip
        rows.append((str(number), row))
        if pen.chance(0.3):
            again = {**row, "addr": row["addr"].replace("street", "st.").replace("avenue", "ave."),
                     "phone": phone.replace("/", "-") if pen.chance(0.9) else "",
                     "type": pen.random.choice(kinds)}  # fmt: skip
            again["name"] += f" ({pen.random.choice(kinds)})" if pen.chance(0.4) else ""
            again["addr"] += f" at {pen.random.choice(STREETS).lower()}" if pen.chance(0.3) else ""
            rows.append((str(number), pen.copied(again, slips=0.03, missing=0.0, keep=frozenset())))
    return world_of("restaurants", rows)


# --- of any people ------------------------------------------------------------------------------


def turned(world: TableWorld) -> TableWorld:
    """The same world with its tables in the other order."""
    left = len(world.left["id"])
    labels = [*world.labels[left:], *world.labels[:left]]
    return TableWorld(f"{world.name}, turned", world.right or world.left, world.left, labels)


def unbalanced(few: int = 50, many: int = 50_000, seed: int = 5) -> TableWorld:
    """A few people against very many, six in ten of them among those."""
    made = crowd(many, few, seed)
    return TableWorld("unbalanced", made.left, made.right, made.labels)


_OF_FORMS = {
    "first_name": "Person: First Name (required)", "last_name": "person.name.last",
    "email": "E-Mail-Adresse [geschäftlich]", "phone": "tel. (priv.)", "address": "Q7_ADDRESS_TXT",
    "city": "TOWN/CITY", "postcode": "Zip+4", "dob": "D.O.B.",
}  # fmt: skip


def odd_headers(people: int = 1500, seed: int = 6) -> TableWorld:
    """One table has headers of forms and surveys, the other plain ones."""
    made = crowd(people, people, seed)
    left = {_OF_FORMS.get(name, name): cells for name, cells in made.left.items()}
    return TableWorld("odd headers", left, made.right, made.labels)


def nameless(world: TableWorld) -> TableWorld:
    """The world with columns that are numbered and say nothing."""
    heads = {name: f"c{at}" for at, name in enumerate(world.left) if name != "id"}
    left, right = (
        {heads.get(name, name): cells for name, cells in side.items()}
        for side in (world.left, world.right or {})
    )
    return TableWorld(f"{world.name}, nameless", left, right or None, world.labels)


SHAPES: Mapping[str, Callable[[], TableWorld]] = {
    "pay lists": pay_lists,
    "pay lists, turned": lambda: turned(pay_lists()),
    "pay lists, few": lambda: pay_lists(150),
    "parish books": parish_books,
    "parish books, linked": lambda: parish_books(link=True),
    "registrations": registrations,
    "registrations, whole cells": lambda: registrations(whole=True),
    "registrations, few": lambda: registrations(80),
    "electoral rolls": electoral_rolls,
    "few surnames": few_surnames,
    "small 20": lambda: small(16),
    "small 40": lambda: small(32),
    "small 200": lambda: small(150),
    "small 40, linked": lambda: small(32, link=True),
    "small 200, linked": lambda: small(150, link=True),
    "small 200, nameless": lambda: nameless(small(150)),
    "name and town": name_and_town,
    "name and town, few": lambda: name_and_town(100, towns=30),
    "restaurants": restaurants,
    "odd headers": odd_headers,
    "no headers": lambda: nameless(crowd(1500, 1500, 6)),
    "unbalanced": unbalanced,
    "unbalanced, turned": lambda: turned(unbalanced()),
}
"""Every shape by its name."""
