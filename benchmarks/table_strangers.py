"""A third set of generated tables with the truth, written after two others had guided the matcher.

Homes with hundreds of residents against several tax forms a person, censuses ten years apart,
biographies compiled from variants, Germans with compound names, a sign-up list, companies alone,
spare parts by number, papers and their authors, two hospitals, voters. No person is meant; one seed
gives one world.
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
from sandbox.world.names import ENGLISH, GERMAN
from sandbox.world.places import COUNTRIES

Labelled = list[tuple[str, Row]]

_VARIANTS = {
    "Smith": "Smyth", "Brown": "Browne", "Clark": "Clarke", "White": "Whyte", "Taylor": "Tayler",
    "Thompson": "Thomson", "Allen": "Allan", "Davis": "Davies", "Moore": "More", "Reed": "Reid",
    "Harris": "Haris", "Phillips": "Philips", "Baker": "Backer", "Stewart": "Stuart",
    "Johnson": "Jonson", "Nelson": "Neilson", "Green": "Greene", "Cook": "Cooke", "Gray": "Grey",
}  # fmt: skip
"""How one family name was spelt another time."""
_LATIN = {"William": "Gulielmus", "John": "Johannes", "James": "Jacobus", "Mary": "Maria",
          "Charles": "Carolus", "Henry": "Henricus", "Ann": "Anna", "Peter": "Petrus"}  # fmt: skip
_UMLAUTS = (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"))
_HOMES = "Nursing Home;College Hall;State Prison;Barracks;Shelter".split(";")
_SECTORS = "Logistics;Software;Foods;Bau;Metall;Consulting;Energy;Medical;Print;Travel".split(";")
_FORMS = ("GmbH", "AG", "Ltd", "Inc", "LLC", "GmbH & Co. KG", "SARL", "B.V.")
_PARTS = "bearing;seal;valve;gasket;filter;pump;shaft;relay;sensor;hose;clamp;bushing".split(";")
_TOPICS = (
    "query optimization;distributed transactions;index structures;stream processing;data cleaning;"
    "schema matching;view maintenance;spatial joins;web caching;active databases;data mining;"
    "concurrency control;semistructured data;approximate answers;sensor networks;workflow systems"
).split(";")
_MANNERS = (
    "efficient;adaptive;scalable;towards;on the;a framework for;rethinking;incremental".split(";")
)
_VENUES = (("SIGMOD Conference", "Proc. ACM SIGMOD"), ("VLDB", "Very Large Data Bases"),
           ("ICDE", "Intl. Conf. Data Engineering"), ("VLDB J.", "The VLDB Journal"))  # fmt: skip


def _started(name: str, seed: int) -> tuple[Pen, Draw]:
    return Pen(random.Random(f"{name}/{seed}")), Draw(f"{name}/{seed}")


# --- censuses and employers ---------------------------------------------------------------------


def tax_forms(households: int = 500, seed: int = 1) -> TableWorld:
    """A census with full birth dates against tax forms without any: homes with hundreds of
    residents, children counted at both parents', forms filled in for somebody of the household, a
    form for each job, letters read wrongly, the address where the employer sends it."""
    pen, draw = _started("tax", seed)
    left: Labelled = []
    right: Labelled = []
    number = 0
    for house in range(households):
        crowded = house < 3
        home, family = _home(pen), draw.family(ENGLISH)
        if crowded:
            home["housing_type"] = pen.random.choice(_HOMES)
        members = []
        for member in range(60 if crowded else pen.random.choice((1, 2, 2, 3, 4, 5))):
            own = (
                family if not crowded and (member != 1 or pen.chance(0.8)) else draw.family(ENGLISH)
            )
            age = pen.random.randrange(18, 95) if member < 2 else pen.random.randrange(1, 40)
            month, day = pen.random.randint(1, 12), pen.random.randint(1, 28)
            members.append({
                "first_name": draw.skewed(ENGLISH.given),
                "middle_initial": pen.random.choice(LETTERS).upper(), "last_name": own,
                "age": str(age), "date_of_birth": f"{month:02d}/{day:02d}/{2020 - age}",
                **home, "sex": pen.random.choice(("Male", "Female")),
                "relationship_to_reference_person": "Reference person" if not member else "Other",
                "race_ethnicity": "White" if pen.chance(0.7) else "Black"})  # fmt: skip
        for row in members:
            number += 1
            label = str(number)
            if pen.chance(0.96):
                left.append((label, _counted(pen, draw, row)))
            if int(row["age"]) < 20 and pen.chance(0.03):
                left.append((label, _counted(pen, draw, {**row, **_home(pen)})))
            if int(row["age"]) >= 16:
                jobs = pen.random.choice((0, 1, 1, 1, 2, 3))
                right += [(label, _form(pen, draw, row, members)) for _ in range(jobs)]
    return world_of(f"tax forms {households}", left, right)


def _home(pen: Pen) -> Row:
    town, code, state = pen.place(20)
    return {"street_number": str(pen.random.randrange(1, 12_000)),
            "street_name": pen.random.choice(STREETS).lower(),
            "unit_number": f"unit {pen.random.randrange(1, 40)}" if pen.chance(0.15) else "",
            "city": town, "state": state, "zipcode": code, "housing_type": "Household"}  # fmt: skip


def _counted(pen: Pen, draw: Draw, row: Row) -> Row:
    made = dict(row)
    if pen.chance(0.02):
        made["first_name"] = draw.nickname(row["first_name"]) or row["first_name"]
    if pen.chance(0.03):
        month, day, year = row["date_of_birth"].split("/")
        made["date_of_birth"] = f"{day}/{month}/{year}"
    if pen.chance(0.03):
        made["age"] = str(max(0, int(row["age"]) + pen.random.choice((-2, -1, 1, 2))))
    return pen.copied(made, slips=0.015, missing=0.015, keep=frozenset())


def _form(pen: Pen, draw: Draw, row: Row, members: list[Row]) -> Row:
    """One employer's form for somebody."""
    names = ("first_name", "middle_initial", "last_name")
    shown = {name: row[name] for name in names}
    if pen.chance(0.02):
        shown["first_name"] = pen.random.choice(members)["first_name"]
    elif pen.chance(0.05):
        shown["first_name"] = draw.nickname(row["first_name"]) or row["first_name"]
    elif pen.chance(0.03):
        shown["first_name"] = row["first_name"][0]
    place = row if pen.chance(0.85) else _home(pen)
    where = ("street_number", "street_name", "unit_number", "city", "state", "zipcode")
    works = f"{pen.random.choice(_SECTORS)} {pen.random.choice(TRADES)} {pen.random.randrange(40)}"
    made = {**shown, **{f"mailing_address_{name}": place[name] for name in where},
            "ssn": f"{pen.random.randrange(100, 899)}-{pen.random.randrange(10, 99)}-"
                   f"{pen.random.randrange(1000, 9999)}",
            "wages": str(pen.random.randrange(4_000, 90_000)),
            "employer_name": works, "employer_zipcode": pen.place(20)[1],
            "tax_form": pen.random.choice(("W2", "W2", "1099"))}  # fmt: skip
    return pen.copied(made, slips=0.025, missing=0.02, keep=frozenset({"tax_form"}))


def two_censuses(households: int = 350, seed: int = 2) -> TableWorld:
    """The same town counted twice, ten years apart: ages have grown and are guessed, women have
    married, a third has moved, children have gone; parish of birth and occupation in words."""
    pen, draw = _started("censuses", seed)
    left: Labelled = []
    right: Labelled = []
    number = 0
    for _ in range(households):
        family = _spelt(pen, draw.family(ENGLISH), 0.0)
        street, later = (f"{pen.random.randrange(1, 90)} {pen.random.choice(STREETS)}"
                         for _ in range(2))  # fmt: skip
        moved = pen.chance(0.35)
        for member in range(pen.random.choice((1, 2, 3, 4, 5, 6))):
            number += 1
            age = pen.random.randrange(24, 60) if member < 2 else pen.random.randrange(0, 20)
            sex = "M" if member == 0 else "F" if member == 1 else pen.random.choice("MF")
            row = {"forename": draw.skewed(ENGLISH.given), "surname": family, "age": str(age),
                   "sex": sex, "condition": "Mar" if member < 2 else "Unm",
                   "occupation": pen.random.choice(TRADES) if age > 14 else "scholar",
                   "parish_of_birth": pen.place(25)[0], "address": street}  # fmt: skip
            left.append((str(number), pen.copied(row, slips=0.03, missing=0.03, keep=frozenset())))
            if pen.chance(0.6):
                right.append((str(number), _grown(pen, draw, row, later if moved else street)))
        if pen.chance(0.5):
            right.append((f"x{number}", _grown(pen, draw, {
                "forename": draw.skewed(ENGLISH.given), "surname": draw.family(ENGLISH),
                "age": str(pen.random.randrange(0, 60)), "sex": pen.random.choice("MF"),
                "condition": "Unm", "occupation": pen.random.choice(TRADES),
                "parish_of_birth": pen.place(25)[0], "address": street}, later)))  # fmt: skip
    return world_of(f"two censuses {households}", left, right)


def _grown(pen: Pen, draw: Draw, row: Row, street: str) -> Row:
    age = int(row["age"]) + 10 + pen.random.choice((0, 0, 0, 0, 1, -1, 2, -2))
    given = row["forename"]
    if pen.chance(0.12):
        given = draw.nickname(given) or given
    surname = _spelt(pen, row["surname"], 0.5)
    married = row["sex"] == "F" and row["condition"] == "Unm" and age > 20 and pen.chance(0.5)
    made = {**row, "forename": given, "surname": draw.family(ENGLISH) if married else surname,
            "age": str(age), "address": street,
            "occupation": row["occupation"] if pen.chance(0.5) and age > 24
            else pen.random.choice(TRADES)}  # fmt: skip
    return pen.copied(made, slips=0.04, missing=0.05, keep=frozenset())


def _spelt(pen: Pen, family: str, share: float) -> str:
    return _VARIANTS.get(family, family) if pen.chance(share) else family


def biographies(people: int = 700, seed: int = 3) -> TableWorld:
    """Encyclopaedias' entries of 1850 to 1900, deduped: nobles and clergy with titles, Latin and
    short given names, spellings that vary, dates that are years or missing, families."""
    pen, draw = _started("biographies", seed)
    rows: Labelled = []
    family, seat = "", ""
    for number in range(people):
        if not family or pen.chance(0.8):
            family, seat = draw.family(ENGLISH), pen.place(80)[0]
        given, second = draw.skewed(ENGLISH.given), draw.skewed(ENGLISH.given)
        year, month, day = date_of(pen, 1800, 1870)
        died = year + pen.random.randrange(30, 80)
        trade = pen.random.choice(TRADES)
        for _ in range(pen.random.choice((1, 1, 2, 3, 4, 6))):
            first = given if pen.chance(0.75) else _LATIN.get(given, draw.nickname(given) or given)
            style = pen.random.choice(("", "", "", "Sir ", "Rev. ", "Dr "))
            whole = pen.random.choice((
                f"{style}{first} {second} {family}", f"{style}{first} {family}",
                f"{family}, {first} {second[0]}.",
                f"{first[0]}. {second[0]}. {family}"))  # fmt: skip
            day_text = f"{year}-{month:02d}-{day:02d}" if pen.chance(0.5) else str(year)
            row = {"entry": whole.replace(family, _spelt(pen, family, 0.3)),
                   "surname": _spelt(pen, family, 0.3), "given_names": first,
                   "born": day_text if pen.chance(0.8) else "",
                   "died": str(died + (pen.random.choice((-1, 1)) if pen.chance(0.1) else 0))
                   if pen.chance(0.6) else "",
                   "birthplace": seat if pen.chance(0.7) else "",
                   "profession": trade if pen.chance(0.7) else pen.random.choice(TRADES),
                   "volume": pen.random.choice(("I", "II", "III", "IV"))}  # fmt: skip
            rows.append((str(number), pen.copied(row, slips=0.06, missing=0.05, keep=frozenset())))
    return world_of(f"biographies {people}", rows)


# --- Germans, short lists, patients, voters -----------------------------------------------------


def compound_names(people: int = 700, seed: int = 4) -> TableWorld:
    """Two German lists: double names with and without their second part, umlauts written out,
    nobility, parts of towns, house numbers with letters, numbers with and without the country."""
    pen, draw = _started("compound", seed)
    left: Labelled = []
    right: Labelled = []
    for number in range(people):
        given, family = name_of(draw, GERMAN)
        if pen.chance(0.2):
            family = f"{family}-{draw.family(GERMAN)}"
        elif pen.chance(0.06):
            family = f"{pen.random.choice(('von', 'von der', 'zu', 'Freiherr von'))} {family}"
        if pen.chance(0.2):
            given = f"{given}-{draw.skewed(GERMAN.given)}" if pen.chance(0.5) else (
                f"{given} {draw.skewed(GERMAN.given)}")  # fmt: skip
        city = draw.skewed(COUNTRIES["DE"].cities)
        year, month, day = date_of(pen, 1935, 2003)
        line = pen.random.randrange(10**6, 10**7)
        row = {"Vorname": given, "Name": family,
               "Strasse": f"{pen.random.choice(STRASSEN)} {pen.random.randrange(1, 150)}"
                          f"{pen.random.choice(('', '', '', 'a', 'b'))}",
               "PLZ": f"{city.postcode}{pen.random.randrange(100, 999)}"[:5], "Wohnort": city.name,
               "Tel.": f"0{pen.random.randrange(201, 990)}/{line}",
               "E-Mail": f"{given.split()[0]}.{family.split()[-1]}@t-online.example".lower(),
               "Geb.-Datum": f"{day:02d}.{month:02d}.{year}"}  # fmt: skip
        kind = pen.random.random()
        if kind < 0.75:
            left.append((str(number), pen.copied(row, slips=0.02, missing=0.08, keep=frozenset())))
        if kind < 0.45 or kind >= 0.75:
            right.append((str(number), _german_again(pen, draw, row)))
    return world_of(f"compound names {people}", left, right)


def _german_again(pen: Pen, draw: Draw, row: Row) -> Row:
    made = dict(row)
    if pen.chance(0.4):
        for name in ("Vorname", "Name", "Strasse", "Wohnort"):
            for umlaut, spelt in _UMLAUTS:
                made[name] = made[name].replace(umlaut, spelt)
    if "-" in made["Name"] and pen.chance(0.4):
        made["Name"] = made["Name"].split("-")[pen.random.randrange(2)]
    elif pen.chance(0.05):
        made["Name"] = draw.family(GERMAN)
    if pen.chance(0.5):
        made["Vorname"] = made["Vorname"].replace("-", " ").split(" ")[0]
    if pen.chance(0.2):
        made["Wohnort"] = f"{made['Wohnort']}-{pen.random.choice(('Nord', 'Mitte', 'Altstadt'))}"
    day, month, year = row["Geb.-Datum"].split(".")
    made = {"Anrede": pen.random.choice(("Herr", "Frau")), "Nachname": made["Name"],
            "Rufname": made["Vorname"], "Straße/Hausnr.": made["Strasse"].replace("traße", "tr."),
            "Postleitzahl": made["PLZ"], "Stadt": made["Wohnort"],
            "Mobil": made["Tel."].replace("/", " ").replace("0", "+49 ", 1)
            if pen.chance(0.6) else "",
            "geboren": f"{int(day)}.{int(month)}.{year[2:] if pen.chance(0.2) else year}"
            if pen.chance(0.6) else ""}  # fmt: skip
    return pen.copied(made, slips=0.03, missing=0.04, keep=frozenset())


def sign_ups(people: int = 40, seed: int = 5) -> TableWorld:
    """A members' list of sixty rows against a sign-up sheet: a name, an address for half of them,
    a team that everybody shares with ten others."""
    pen, draw = _started("signups", seed)
    left: Labelled = []
    right: Labelled = []
    for number in range(people):
        given, family = name_of(draw, ENGLISH)
        row = {"member": f"{given} {family}", "mail": f"{given}{family}@mail.example".lower(),
               "team": pen.random.choice(("red", "blue", "green", "gold"))}  # fmt: skip
        left.append((str(number), pen.copied(row, slips=0.03, missing=0.2,
                                             keep=frozenset({"member"}))))  # fmt: skip
        if pen.chance(0.5):
            called = draw.nickname(given) or given if pen.chance(0.25) else given
            made = {"Name": f"{called} {family}", "E-mail address": row["mail"],
                    "Team": row["team"] if pen.chance(0.8) else "red"}  # fmt: skip
            copy = pen.copied(made, slips=0.0, missing=0.3, keep=frozenset({"Name"}))
            if pen.chance(0.2):
                copy["Name"] = pen.slip(copy["Name"])
            right.append((str(number), copy))
    return world_of(f"sign-ups {people}", left, right)


def hospitals(people: int = 700, seed: int = 6) -> TableWorld:
    """Two hospitals' patients: insurance numbers for some, twins and newborns without a name of
    their own, a phone of the next of kin, moves and marriages."""
    pen, draw = _started("hospitals", seed)
    left: Labelled = []
    right: Labelled = []
    number = 0
    while number < people:
        given, family = name_of(draw, ENGLISH)
        year, month, day = date_of(pen, 1930, 2020)
        town, code, _ = pen.place(15)
        shared = {"Family Name": family, "DOB": f"{year}{month:02d}{day:02d}",
                  "Addr1": f"{pen.random.randrange(1, 900)} {pen.random.choice(STREETS)}",
                  "City": town, "Zip": code, "Home Phone": _line(pen)}  # fmt: skip
        twins = pen.chance(0.04)
        for born in range(2 if twins else 1):
            number += 1
            named = draw.skewed(ENGLISH.given) if born or twins else given
            newborn = year >= 2019 and pen.chance(0.5)
            row = {**shared, "Given Name": f"Baby {'AB'[born]}" if newborn else named,
                   "Sex": pen.random.choice("MF"),
                   "Insurance No": f"H{pen.random.randrange(10**7, 10**8)}"}  # fmt: skip
            left.append((str(number), pen.copied(row, slips=0.02, missing=0.06, keep=frozenset())))
            if pen.chance(0.5):
                again = {**row, "Given Name": named}
                if pen.chance(0.15):
                    again |= {"Addr1": f"{pen.random.randrange(1, 900)} Elm Drive",
                              "City": pen.place(15)[0], "Home Phone": _line(pen)}  # fmt: skip
                if pen.chance(0.08):
                    again["Family Name"] = draw.family(ENGLISH)
                again["Insurance No"] = row["Insurance No"] if pen.chance(0.5) else ""
                copy = pen.copied(again, slips=0.03, missing=0.08, keep=frozenset())
                right.append((str(number), copy))
    return world_of(f"hospitals {people}", left, right)


def _line(pen: Pen) -> str:
    area, office = pen.random.randrange(201, 989), pen.random.randrange(200, 999)
    return f"({area}) {office}-{pen.random.randrange(10_000):04d}"


def voters(people: int = 1200, seed: int = 7) -> TableWorld:
    """A county's voters in two years: names, sex, race, age, a town and nothing of an address;
    juniors named like their fathers."""
    pen, draw = _started("voters", seed)
    left: Labelled = []
    right: Labelled = []
    for number in range(people):
        given, family = name_of(draw, ENGLISH)
        age = pen.random.randrange(18, 95)
        row = {"last_name": family.upper(), "first_name": given.upper(),
               "midl_name": draw.skewed(ENGLISH.given).upper() if pen.chance(0.85) else "",
               "name_sufx_cd": "JR" if pen.chance(0.03) else "", "age": str(age),
               "sex_code": pen.random.choice("MF"), "race_code": "W" if pen.chance(0.7) else "B",
               "res_city_desc": pen.place(12)[0].upper(),
               "birth_state": "NC" if pen.chance(0.6) else ""}  # fmt: skip
        left.append((str(number), pen.copied(row, slips=0.01, missing=0.01, keep=frozenset())))
        if pen.chance(0.5):
            made = {**row, "age": str(age + 2)}
            if pen.chance(0.1):
                made["res_city_desc"] = pen.place(12)[0].upper()
            if pen.chance(0.1):
                made["midl_name"] = made["midl_name"][:1]
            right.append((str(number), pen.copied(made, slips=0.02, missing=0.02,
                                                  keep=frozenset())))  # fmt: skip
    return world_of(f"voters {people}", left, right)


# --- companies, parts, papers -------------------------------------------------------------------


def companies(count: int = 600, seed: int = 8) -> TableWorld:
    """Two registers of companies: legal forms left out, branches of one house in several towns,
    switchboards with extensions, a VAT number for some."""
    pen, draw = _started("companies", seed)
    left: Labelled = []
    right: Labelled = []
    number = 0
    while number < count:
        house = f"{draw.family(ENGLISH)} {pen.random.choice(_SECTORS)}"
        site = house.lower().replace(" ", "-") + ".example"
        for _ in range(pen.random.choice((1, 1, 1, 1, 2, 3))):
            number += 1
            town, code, _ = pen.place(40)
            row = {"company_name": f"{house} {pen.random.choice(_FORMS)}",
                   "street": f"{pen.random.randrange(1, 300)} {pen.random.choice(STREETS)}",
                   "postal_code": code, "city": town,
                   "website": f"https://www.{site}", "phone": _line(pen),
                   "vat_no": f"DE{pen.random.randrange(10**8, 10**9)}"}  # fmt: skip
            left.append((str(number), pen.copied(row, slips=0.02, missing=0.08, keep=frozenset())))
            if pen.chance(0.55):
                made = {"Firma": house if pen.chance(0.5) else row["company_name"].upper(),
                        "Address": row["street"].replace("Street", "St").replace("Road", "Rd."),
                        "ZIP": code, "Town": town, "Web": site if pen.chance(0.7) else "",
                        "Tel": f"{row['phone']} ext. {pen.random.randrange(10, 99)}"
                        if pen.chance(0.6) else "",
                        "VAT": row["vat_no"] if pen.chance(0.3) else ""}  # fmt: skip
                copy = pen.copied(made, slips=0.03, missing=0.05, keep=frozenset())
                right.append((str(number), copy))
    return world_of(f"companies {count}", left, right)


def spare_parts(count: int = 700, seed: int = 9) -> TableWorld:
    """Two catalogues of spare parts: numbers in series that differ in one digit, written with and
    without hyphens, a word or two about the thing, a weight, a price that differs."""
    pen, _ = _started("parts", seed)
    left: Labelled = []
    right: Labelled = []
    series = [f"{pen.random.choice(LETTERS)}{pen.random.choice(LETTERS)}".upper() for _ in range(9)]
    for number in range(count):
        model = f"{pen.random.choice(series)}-{1000 + number * 3}-{pen.random.randrange(10, 99)}"
        thing = pen.random.choice(_PARTS)
        weight = round(pen.random.lognormvariate(0, 1), 2)
        row = {"part_no": model, "description": f"{thing} {pen.random.randrange(5, 90)} mm",
               "weight_kg": str(weight), "price": f"{pen.random.lognormvariate(3, 1):.2f}",
               "unit": "pc"}  # fmt: skip
        left.append((str(number), row))
        if pen.chance(0.5):
            price = float(row["price"]) * pen.random.uniform(0.8, 1.3)
            made = {**row, "part_no": model.replace("-", "") if pen.chance(0.4) else model.lower(),
                    "description": thing if pen.chance(0.3) else row["description"],
                    "price": f"{price:.2f}"}  # fmt: skip
            copy = pen.copied(made, slips=0.03, missing=0.1, keep=frozenset({"unit"}))
            right.append((str(number), copy))
    return world_of(f"spare parts {count}", left, right)


def papers(count: int = 700, seed: int = 10) -> TableWorld:
    """Two libraries of papers: authors with initials or in full, venues under two names, titles
    that begin alike, journal versions of conference papers."""
    pen, draw = _started("papers", seed)
    left: Labelled = []
    right: Labelled = []
    for number in range(count):
        authors = [name_of(draw, ENGLISH) for _ in range(pen.random.choice((1, 2, 2, 3, 4)))]
        title = (f"{pen.random.choice(_MANNERS)} {pen.random.choice(_TOPICS)} "
                 f"{pen.random.choice(('in', 'for', 'with', 'over'))} "
                 f"{pen.random.choice(_TOPICS)}").capitalize()  # fmt: skip
        venue, year = pen.random.choice(_VENUES), pen.random.randint(1994, 2006)
        row = {"title": title, "authors": ", ".join(f"{a} {b}" for a, b in authors),
               "venue": venue[0], "year": str(year)}  # fmt: skip
        left.append((str(number), pen.copied(row, slips=0.02, missing=0.02, keep=frozenset())))
        if pen.chance(0.15):
            left.append((f"j{number}", {**row, "venue": "VLDB J.", "year": str(year + 2)}))
        if pen.chance(0.6):
            short = ", ".join(f"{a[0]} {b}" for a, b in authors)
            made = {"title": title.lower() if pen.chance(0.5) else title,
                    "authors": short if pen.chance(0.6) else row["authors"],
                    "venue": venue[1], "year": str(year) if pen.chance(0.8) else ""}  # fmt: skip
            copy = pen.copied(made, slips=0.06, missing=0.03, keep=frozenset())
            right.append((str(number), copy))
    return world_of(f"papers {count}", left, right)


STRANGERS: Mapping[str, Callable[[], TableWorld]] = {
    "tax forms": tax_forms,
    "two censuses": two_censuses,
    "biographies": biographies,
    "compound names": compound_names,
    "sign-ups": sign_ups,
    "hospitals": hospitals,
    "voters": voters,
    "companies": companies,
    "spare parts": spare_parts,
    "papers": papers,
}
"""Every one of them by its name."""
