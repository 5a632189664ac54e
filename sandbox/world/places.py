"""Cities with their postcodes, streets and telephone numbers in the ranges kept for fiction.

Number ranges: United States 555 exchange (NANPA keeps 555-0100 to -0199 for fiction), United
Kingdom Ofcom's ranges for drama (01632 960, 020 7946 0, 0113 496 0..., mobile 07700 900), Germany
the Bundesnetzagentur's (030 23125, 040 66969, 069 90009, 089 99998, 0221 4710; mobile 0171 39200),
France ARCEP's (01 99 00, 02 61 91, 03 53 01, 04 65 71, 05 36 49; mobile 06 39 98), Australia
ACMA's (5550 and 7010 in each area; mobile 0491 57x). Spain and Sweden: assumed. A large world
needs more numbers than fiction was given and overflows into the digits beside those ranges.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class City:
    """A town, its region, the start of its postcodes and of its fixed lines (E.164)."""

    name: str
    region: str
    postcode: str
    line: str


@dataclass(frozen=True)
class Country:
    """`pattern` ends a postcode after the city's start: '#' a digit, '@' a letter.

    `mobile` starts a mobile number (empty: mobiles are numbered like fixed lines) and `digits` is
    the length of a whole number in E.164 without its plus.
    """

    code: str
    name: str
    pattern: str
    mobile: str
    digits: int
    cities: tuple[City, ...]
    streets: tuple[str, ...]
    suffixes: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _cities(text: str) -> tuple[City, ...]:
    rows = (line.split("|") for line in text.strip().splitlines())
    return tuple(City(*(cell.strip() for cell in row)) for row in rows)


_US = _cities("""
New York|NY|100|+121255501
Brooklyn|NY|112|+171855501
Los Angeles|CA|900|+121355501
Chicago|IL|606|+131255501
Houston|TX|770|+171355501
Phoenix|AZ|850|+160255501
Philadelphia|PA|191|+121555501
San Antonio|TX|782|+121055501
San Diego|CA|921|+161955501
Dallas|TX|752|+121455501
Austin|TX|787|+151255501
San Jose|CA|951|+140855501
Columbus|OH|432|+161455501
Charlotte|NC|282|+170455501
San Francisco|CA|941|+141555501
Indianapolis|IN|462|+131755501
Seattle|WA|981|+120655501
Denver|CO|802|+130355501
Boston|MA|021|+161755501
Nashville|TN|372|+161555501
Portland|OR|972|+150355501
Las Vegas|NV|891|+170255501
Detroit|MI|482|+131355501
Memphis|TN|381|+190155501
Atlanta|GA|303|+140455501
Miami|FL|331|+130555501
Minneapolis|MN|554|+161255501
Tulsa|OK|741|+191855501
Raleigh|NC|276|+191955501
Omaha|NE|681|+140255501
Cleveland|OH|441|+121655501
St. Louis|MO|631|+131455501
Pittsburgh|PA|152|+141255501
Cincinnati|OH|452|+151355501
Orlando|FL|328|+140755501
Tampa|FL|336|+181355501
Sacramento|CA|958|+191655501
Kansas City|MO|641|+181655501
Salt Lake City|UT|841|+180155501
Madison|WI|537|+160855501
Boise|ID|837|+120855501
Richmond|VA|232|+180455501
""")

_GB = _cities("""
London|Greater London|EC1|+44207946
London|Greater London|SW1|+44207946
Manchester|Greater Manchester|M1|+44161496
Birmingham|West Midlands|B1|+44121496
Leeds|West Yorkshire|LS1|+44113496
Sheffield|South Yorkshire|S1|+44114496
Nottingham|Nottinghamshire|NG1|+44115496
Leicester|Leicestershire|LE1|+44116496
Bristol|Bristol|BS1|+44117496
Edinburgh|Midlothian|EH1|+44131496
Glasgow|Lanarkshire|G1|+44141496
Liverpool|Merseyside|L1|+44151496
Cardiff|South Glamorgan|CF10|+442920180
Reading|Berkshire|RG1|+441632960
""")

_DE = _cities("""
Berlin|Berlin|101|+493023125
Hamburg|Hamburg|200|+494066969
München|Bayern|803|+498999998
Köln|Nordrhein-Westfalen|506|+492214710
Frankfurt am Main|Hessen|603|+496990009
Stuttgart|Baden-Württemberg|701|+4971123125
Düsseldorf|Nordrhein-Westfalen|402|+4921123125
Leipzig|Sachsen|041|+4934123125
Nürnberg|Bayern|904|+4991123125
Bremen|Bremen|281|+4942123125
""")

_FR = _cities("""
Paris|Île-de-France|750|+33199001
Lyon|Auvergne-Rhône-Alpes|690|+33465711
Marseille|Provence-Alpes-Côte d'Azur|130|+33465712
Nantes|Pays de la Loire|440|+33261911
Lille|Hauts-de-France|590|+33353011
Strasbourg|Grand Est|670|+33353012
Toulouse|Occitanie|310|+33536491
Bordeaux|Nouvelle-Aquitaine|330|+33536492
Rennes|Bretagne|350|+33261912
""")

_AU = _cities("""
Sydney|NSW|20|+6125550
Melbourne|VIC|30|+6135550
Brisbane|QLD|40|+6175550
Perth|WA|60|+6185550
Adelaide|SA|50|+6187010
Canberra|ACT|26|+6127010
""")

_ES = _cities("""
Madrid|Madrid|280|+3491555
Barcelona|Barcelona|080|+3493555
Valencia|Valencia|460|+3496555
Sevilla|Sevilla|410|+3495555
""")

_SE = _cities("""
Stockholm|Stockholm|111|+46846500
Göteborg|Västra Götaland|411|+46313900
Malmö|Skåne|211|+46406280
""")

_ENGLISH_STREETS = _words(
    "Main Oak Maple Cedar Park Washington Lake Hill Walnut Spring North Ridge Church Mill Elm "
    "High Station Victoria Green Queen King York Albert Manor Chapel Grange Orchard Meadow "
    "Willow Harbour Bridge Franklin Jefferson Lincoln Madison Market Prospect Highland Sunset "
    "Riverside Lexington Hampton Canterbury Windmill Foundry Quarry Juniper Magnolia"
)

COUNTRIES: dict[str, Country] = {
    country.code: country
    for country in (
        Country(
            "US",
            "United States",
            "##",
            "",
            11,
            _US,
            _ENGLISH_STREETS,
            (" St", " Ave", " Rd", " Blvd", " Drive", " Lane", " Court", " Way"),
        ),
        Country(
            "GB",
            "United Kingdom",
            " #@@",
            "+447700900",
            12,
            _GB,
            _ENGLISH_STREETS,
            (" Street", " Road", " Lane", " Avenue", " Close", " Gardens", " Terrace"),
        ),
        Country(
            "DE",
            "Germany",
            "##",
            "+4917139200",
            12,
            _DE,
            _words(
                "Haupt Bahnhof Garten Schul Berg Linden Wald Ring Kirch Wiesen Goethe Schiller "
                "Mozart Rosen Birken Eichen Mühlen Feld Markt Hafen Kaiser Friedrich"
            ),
            ("straße", "str.", "weg", "allee", "platz"),
        ),
        Country(
            "FR",
            "France",
            "##",
            "+3363998",
            11,
            _FR,
            _words(
                "de_la_Paix de_la_République Victor_Hugo des_Lilas du_Moulin Pasteur "
                "de_l'Église Jean_Jaurès des_Écoles du_Château de_la_Gare des_Tilleuls "
                "Voltaire de_Verdun du_Général_Leclerc Émile_Zola"
            ),
            ("rue ", "avenue ", "boulevard ", "place "),
        ),
        Country(
            "AU",
            "Australia",
            "##",
            "+61491570",
            11,
            _AU,
            _ENGLISH_STREETS,
            (" Street", " Road", " Parade", " Crescent", " Place", " Drive"),
        ),
        Country(
            "ES",
            "Spain",
            "##",
            "+3460055",
            11,
            _ES,
            _words("Mayor Real Nueva del_Sol de_Alcalá San_Juan de_la_Luna Cervantes"),
            ("Calle ", "Avenida ", "Paseo "),
        ),
        Country(
            "SE",
            "Sweden",
            " ##",
            "+46701740",
            11,
            _SE,
            _words("Kungs Drottning Stor Skol Kyrko Björk Strand Ny"),
            ("gatan", "vägen"),
        ),
    )
}
"""Countries by ISO code."""

STREET_BEFORE_NUMBER = frozenset({"DE", "SE", "ES"})
"""Where the house number follows the street."""
PREFIX_STREETS = frozenset({"FR", "ES"})
"""Where the kind of street comes first."""
