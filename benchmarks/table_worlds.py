"""Generated tables with the truth about who is who, as unlike one another as tables are in life.

A census against employers' records, a century-old register, German customers, a tiny list, codes
without names, products, half-empty rows, households that share all but the first name, and the
sandbox's business world. More of them are in `benchmarks.table_shapes` and
`benchmarks.table_strangers`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from benchmarks.table_pen import (
    LETTERS,
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
from sandbox.world.generated import Generated
from sandbox.world.holdings import Entry
from sandbox.world.names import ENGLISH, GERMAN
from sandbox.world.places import COUNTRIES

_GOODS = (
    "wireless optical mouse;mechanical gaming keyboard;noise cancelling headphones;usb c hub;"
    "portable ssd drive;led desk lamp;bluetooth speaker;hd webcam;laptop stand;phone charger;"
    "inkjet printer;network switch;smart watch;action camera;graphics tablet;monitor arm"
).split(";")
_MAKERS = "Acto Belvia Corvex Dantec Elvion Fornax Grantel Helio Inova Jorvik Kestrel Lumon".split()
_COLOURS = "black white silver blue red grey".split()


# --- worlds -------------------------------------------------------------------------------------


def census(households: int = 900, seed: int = 1) -> TableWorld:
    """A census against employers' tax records: households of one home and name, several jobs a
    person, people who moved or married, no birth date on the employers' side."""
    pen, draw = Pen(random.Random(seed)), Draw(f"census/{seed}")
    left, right = [], []
    for house in range(households):
        town, code, state = pen.place(12)
        home = {"street_number": str(pen.random.randrange(1, 9900)),
                "street_name": pen.random.choice(STREETS).lower(),
                "unit_number": _unit(pen)}  # fmt: skip
        family = draw.family(ENGLISH)
        for member in range(pen.random.choice((1, 2, 2, 3, 4, 5))):
            given = draw.skewed(ENGLISH.given)
            own = family if member != 1 or pen.chance(0.8) else draw.family(ENGLISH)
            age = pen.random.randrange(1, 90)
            who = f"{house}-{member}"
            name = {"first_name": given, "middle_initial": pen.random.choice(LETTERS).upper(),
                    "last_name": own}  # fmt: skip
            where = {**home, "city": town, "state": state, "zipcode": code}
            born = f"{pen.random.randint(1, 12):02d}/{pen.random.randint(1, 28):02d}/{2020 - age}"
            row = {**name, "age": str(age), "date_of_birth": born, **where,
                   "sex": pen.random.choice(("Male", "Female")),
                   "relationship": "Spouse" if member == 1 else "Reference person"}  # fmt: skip
            left.append((who, pen.copied(row, slips=0.02, missing=0.02, keep=frozenset())))
            if age < 16:
                continue
            for _ in range(pen.random.choice((0, 1, 1, 1, 2))):
                right.append((who, _job(pen, draw, name, where)))  # noqa: PERF401
    for stranger in range(households // 6):
        given, family = name_of(draw, ENGLISH)
        name = {"first_name": given, "middle_initial": pen.random.choice(LETTERS).upper(),
                "last_name": family}  # fmt: skip
        town, code, state = pen.place(12)
        where = {"street_number": str(pen.random.randrange(1, 9900)),
                 "street_name": pen.random.choice(STREETS).lower(), "unit_number": "",
                 "city": town, "state": state, "zipcode": code}  # fmt: skip
        right.append((f"x{stranger}", _job(pen, draw, name, where)))
    return world_of("census", left, right)


def _unit(pen: Pen) -> str:
    return f"apt {pen.random.randrange(1, 40)}" if pen.chance(0.1) else ""


def _job(pen: Pen, draw: Draw, name: Row, where: Row) -> Row:
    """One employer's record of somebody."""
    shown, given = dict(name), name["first_name"]
    if pen.chance(0.08):
        shown["first_name"] = draw.nickname(given) or given
    home = dict(where)
    if pen.chance(0.12):  # moved
        home["city"], home["zipcode"], home["state"] = pen.place(12)
        home["street_number"] = str(pen.random.randrange(1, 9900))
        home["street_name"] = pen.random.choice(STREETS).lower()
    row = {"ssn": f"{pen.random.randrange(10**8, 10**9)}", **shown,
           "employer_name": f"{pen.random.choice(_MAKERS)} {pen.random.choice(TRADES)} Inc",
           "employer_city": pen.place(12)[0], "wages": str(pen.random.randrange(9000, 99000)),
           **{f"mailing_address_{key}": value for key, value in home.items()},
           "tax_form": "W2"}  # fmt: skip
    return pen.copied(row, slips=0.03, missing=0.03, keep=frozenset({"tax_form"}))


def historical(people: int = 900, seed: int = 2) -> TableWorld:
    """A register compiled from many sources: names in variants, half the cells damaged or empty,
    up to a dozen records a person."""
    pen, draw = Pen(random.Random(seed)), Draw(f"historical/{seed}")
    rows = []
    for number in range(people):
        given, family = name_of(draw, ENGLISH)
        middle = draw.skewed(ENGLISH.given) if pen.chance(0.4) else ""
        year, month, day = date_of(pen, 1790, 1890)
        if pen.chance(0.15):
            month = day = 1
        town = pen.place(60)
        trade = pen.random.choice(TRADES)
        for _ in range(min(1 + int(pen.random.paretovariate(1.1)), 12)):
            first = draw.nickname(given) or given if pen.chance(0.15) else given
            whole = (
                f"{first} {middle} {family}" if middle and pen.chance(0.6) else f"{first} {family}"
            )
            row = {
                "full_name": whole, "first_name": first, "surname": family,
                "dob": f"{year}-{month:02d}-{day:02d}", "birth_place": town[0].lower(),
                "postcode_fake": town[1] if pen.chance(0.85) else pen.place(60)[1],
                "gender": "" if pen.chance(0.4) else "male",
                "occupation": trade if pen.chance(0.8) else pen.random.choice(TRADES),
            }  # fmt: skip
            rows.append((str(number), pen.copied(row, slips=0.15, missing=0.12, keep=frozenset())))
    return world_of("historical", rows)


def german_register(people: int = 450, again: int = 50, seed: int = 3) -> TableWorld:
    """First and second names and the birth date in pieces, one slip in each repeated row."""
    pen, draw = Pen(random.Random(seed)), Draw(f"register/{seed}")
    rows = []
    for number in range(people):
        given, family = name_of(draw, GERMAN)
        year, month, day = date_of(pen, 1925, 2005)
        row = {
            "fname_c1": given.upper(),
            "fname_c2": draw.skewed(GERMAN.given).upper() if pen.chance(0.15) else "",
            "lname_c1": family.upper(),
            "lname_c2": draw.family(GERMAN).upper() if pen.chance(0.02) else "",
            "by": str(year), "bm": str(month), "bd": str(day),
        }  # fmt: skip
        rows.append((str(number), row))
    for label, row in pen.random.sample(rows, again):
        wrong = pen.random.choice([name for name, value in row.items() if value])
        rows.append((label, {**row, wrong: pen.slip(row[wrong])}))
    return world_of(f"german_register_{people + again}", rows)


def german_customers(people: int = 1500, seed: int = 4) -> TableWorld:
    """Two customer lists: umlauts written out, streets abbreviated, titles, families."""
    pen, draw = Pen(random.Random(seed)), Draw(f"customers/{seed}")
    cities = COUNTRIES["DE"].cities
    left, right = [], []
    home: Row = {}
    for number in range(people):
        given, family = name_of(draw, GERMAN)
        if not home or pen.chance(0.7):
            city = draw.skewed(cities)
            line = f"0{pen.random.randrange(200, 999)} {pen.random.randrange(10**5, 10**6)}"
            home = {"Nachname": family, "Straße": pen.random.choice(STRASSEN),
                    "Hausnr": str(pen.random.randrange(1, 140)),
                    "PLZ": f"{city.postcode}{pen.random.randrange(100, 999)}"[:5],
                    "Ort": city.name,
                    "Telefon": line}  # fmt: skip
        year, month, day = date_of(pen, 1930, 2004)
        row = {"Anrede": pen.random.choice(("Herr", "Frau")), "Vorname": given, **home,
               "Geburtsdatum": f"{day:02d}.{month:02d}.{year}"}  # fmt: skip
        if pen.chance(0.8):
            left.append((str(number), pen.copied(row, slips=0.02, missing=0.05, keep=frozenset())))
        if pen.chance(0.7):
            right.append((str(number), _retyped(pen, row)))
    return world_of("german_customers", left, right)


def _retyped(pen: Pen, row: Row) -> Row:
    made = dict(row)
    if pen.chance(0.3):
        for name in ("Vorname", "Nachname", "Straße", "Ort"):
            for umlaut, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
                made[name] = made[name].replace(umlaut, plain)
    made["Straße"] = made["Straße"].replace("straße", "str.") if pen.chance(0.4) else made["Straße"]
    made["Nachname"] = f"Dr. {made['Nachname']}" if pen.chance(0.04) else made["Nachname"]
    made["Geburtsdatum"] = "" if pen.chance(0.3) else made["Geburtsdatum"]
    made["Telefon"] = "" if pen.chance(0.5) else made["Telefon"]
    found = pen.copied(made, slips=0.04, missing=0.04, keep=frozenset())
    names = ("Vorname", "Nachname", "Straße", "Hausnr", "PLZ", "Ort", "Geburtsdatum", "Telefon")
    return {f"Kunde_{name}": found[name] for name in names}


def tiny(people: int = 24, again: int = 8, seed: int = 5) -> TableWorld:
    """Thirty rows, too few to learn anything from."""
    pen, draw = Pen(random.Random(seed)), Draw(f"tiny/{seed}")
    rows = []
    for number in range(people):
        given, family = name_of(draw, ENGLISH)
        town, code, _ = pen.place(5)
        host = pen.random.choice(("gmail", "yahoo"))
        row = {"name": f"{given} {family}", "city": town, "zip": code,
               "phone": f"555-01{pen.random.randrange(10, 99)}-{pen.random.randrange(100, 999)}",
               "email": f"{given}.{family}@{host}.com".lower()}  # fmt: skip
        rows.append((str(number), row))
    for label, row in pen.random.sample(rows, again):
        again_row = pen.copied(row, slips=0.15, missing=0.25, keep=frozenset({"name"}))
        rows.append((label, again_row))
    return world_of(f"tiny_{seed}", rows)


def codes(rows_wanted: int = 1200, seed: int = 6) -> TableWorld:
    """Two ledgers of nothing but numbers: a reference, an account, an amount, a day."""
    pen = Pen(random.Random(seed))
    left, right = [], []
    accounts = [str(pen.random.randrange(10**7, 10**8)) for _ in range(300)]
    for number in range(rows_wanted):
        year, month, day = date_of(pen, 2022, 2023)
        row = {"ref": str(pen.random.randrange(10**6, 10**7)), "acct": pen.random.choice(accounts),
               "amount": f"{pen.random.lognormvariate(5, 1):.2f}",
               "booked": f"{year}-{month:02d}-{day:02d}",
               "branch": str(pen.random.randrange(12))}  # fmt: skip
        left.append((str(number), row))
        if pen.chance(0.6):
            right.append((str(number), pen.copied(row, slips=0.08, missing=0.08, keep=frozenset())))
        if pen.chance(0.2):
            other = {**row, "ref": str(pen.random.randrange(10**6, 10**7)),
                     "amount": f"{pen.random.lognormvariate(5, 1):.2f}"}  # fmt: skip
            right.append((f"x{number}", other))
    return world_of("codes", left, right)


def products(count: int = 900, seed: int = 7) -> TableWorld:
    """Two shops' lists of products: words in another order, some left out, prices apart."""
    pen = Pen(random.Random(seed))
    left, right = [], []
    for number in range(count):
        maker, good = pen.random.choice(_MAKERS), pen.random.choice(_GOODS)
        letters = "".join(pen.random.choices(LETTERS.upper(), k=2))
        model = f"{letters}{pen.random.randrange(100, 999)}"
        colour = pen.random.choice(_COLOURS)
        price = pen.random.lognormvariate(4, 0.8)
        left.append((str(number), {"title": f"{maker} {good} {model} {colour}",
                                   "manufacturer": maker, "price": f"{price:.2f}"}))  # fmt: skip
        if pen.chance(0.6):
            words = [*good.split(), model, *([colour] if pen.chance(0.6) else [])]
            pen.random.shuffle(words)
            if pen.chance(0.4):
                words.pop()
            title = " ".join([*([maker] if pen.chance(0.7) else []), *words]).lower()
            right.append((str(number), {
                "title": pen.slip(title) if pen.chance(0.2) else title,
                "manufacturer": maker if pen.chance(0.5) else "",
                "price": f"{price * pen.random.uniform(0.9, 1.1):.2f}"}))  # fmt: skip
    return world_of("products", left, right)


def sparse(people: int = 1500, seed: int = 8) -> TableWorld:
    """Half of every row is empty; two records a person for a third of them."""
    pen, draw = Pen(random.Random(seed)), Draw(f"sparse/{seed}")
    rows = []
    for number in range(people):
        given, family = name_of(draw, ENGLISH)
        town, code, state = pen.place(80)
        year, month, day = date_of(pen, 1930, 2004)
        mailbox = f"{given[0]}{family}{pen.random.randrange(99)}".lower()
        row = {"given_name": given, "surname": family, "dob": f"{year}-{month:02d}-{day:02d}",
               "address_1": f"{pen.random.randrange(1, 300)} {pen.random.choice(STREETS)}",
               "suburb": town, "postcode": code, "state": state,
               "phone": f"+1206555{pen.random.randrange(10**4):04d}",
               "email": f"{mailbox}@mail.example"}  # fmt: skip
        again = 2 if pen.chance(0.35) else 1
        copies = [pen.copied(row, slips=0.05, missing=0.4, keep=frozenset()) for _ in range(again)]
        rows += [(str(number), copy) for copy in copies]
    return world_of("sparse", rows)


def households(count: int = 500, seed: int = 9) -> TableWorld:
    """Families that share everything but the first name; a birth date for half the rows."""
    pen, draw = Pen(random.Random(seed)), Draw(f"households/{seed}")
    left, right = [], []
    for house in range(count):
        family = draw.family(ENGLISH)
        town, code, _ = pen.place(40)
        home = {"last_name": family,
                "address": f"{pen.random.randrange(1, 900)} {pen.random.choice(STREETS)}",
                "city": town, "zip": code, "phone": f"+1503555{pen.random.randrange(10**4):04d}",
                "email": f"{family}{house}@family.example".lower()}  # fmt: skip
        for member, given in enumerate(dict.fromkeys(draw.skewed(ENGLISH.given) for _ in range(4))):
            year, month, day = date_of(pen, 1940, 2010)
            row = {"first_name": given, **home, "dob": f"{year}-{month:02d}-{day:02d}"}
            label = f"{house}-{member}"
            left.append((label, {**row, "dob": row["dob"] if pen.chance(0.5) else ""}))
            if pen.chance(0.5):
                shown = (
                    {**row, "first_name": draw.nickname(given) or given}
                    if pen.chance(0.15)
                    else row
                )
                shown = pen.copied(shown, slips=0.04, missing=0.08, keep=frozenset({"dob"}))
                right.append((label, {**shown, "dob": row["dob"] if pen.chance(0.5) else ""}))
    return world_of("households", left, right)


def business(people: int = 2000, seed: int = 7) -> TableWorld:
    """The sandbox's business world: a CRM on the left, the marketing contacts on the right."""
    draw, pen = Draw(f"{seed}/generated"), Draw("pen")
    left, right = [], []
    for holding in Generated(draw, people, people).holdings():
        left += [(holding.person.id, _entry(entry, pen)) for entry in holding.crm_entries[:1]]
        if holding.map_entry is not None:
            right.append((holding.person.id, _entry(holding.map_entry, pen)))
    return world_of("business", left, right)


def _entry(entry: Entry, pen: Draw) -> Row:
    address, company = entry.address, entry.job.company
    country = company.address.country
    numbers = [pen.written(n, country) if n else "" for n in (entry.phone, entry.mobile)]
    return {
        "FirstName": entry.given, "LastName": entry.family, "Email": entry.email or "",
        "Phone": numbers[0], "MobilePhone": numbers[1],
        "Company": entry.company, "Title": entry.title or "",
        "Street": address.street if address else "", "City": address.city if address else "",
        "PostalCode": address.postcode if address else "",
        "Country": COUNTRIES[address.country].name if address else "",
    }  # fmt: skip


WORLDS: Mapping[str, Callable[[], TableWorld]] = {
    "census": census,
    "historical": historical,
    "german_register": german_register,
    "german_register_large": lambda: german_register(4_500, 500, 33),
    "german_customers": german_customers,
    "tiny": tiny,
    "tiny_again": lambda: tiny(seed=55),
    "codes": codes,
    "products": products,
    "sparse": sparse,
    "households": households,
    "business": business,
}
"""Every world by its name."""
