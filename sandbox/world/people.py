"""The people and companies of a generated world, as they really are.

Pure: nothing here knows a vendor. What each side knows about them, with all its defects, is
`sandbox.world.holdings`.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.world.draw import Draw, plain
from sandbox.world.names import CULTURES, Culture
from sandbox.world.places import COUNTRIES


def _words(text: str, between: str | None = None) -> tuple[str, ...]:
    return tuple(text.split(between))


FREE_MAIL = (
    "gmail.com", "outlook.com", "hotmail.com", "yahoo.com", "icloud.com", "gmx.de", "web.de",
    "proton.me", "orange.fr", "aol.com", "live.com", "t-online.de",
)  # fmt: skip
INDUSTRIES = (
    "COMPUTER_SOFTWARE", "INFORMATION_TECHNOLOGY_AND_SERVICES", "MACHINERY", "AUTOMOTIVE",
    "HOSPITAL_HEALTH_CARE", "FINANCIAL_SERVICES", "INSURANCE", "LOGISTICS_AND_SUPPLY_CHAIN",
    "FOOD_BEVERAGES", "CONSTRUCTION", "RETAIL", "PHARMACEUTICALS", "EDUCATION_MANAGEMENT",
    "UTILITIES", "TELECOMMUNICATIONS", "MECHANICAL_OR_INDUSTRIAL_ENGINEERING",
)  # fmt: skip
_FIRST = _words(
    "North Blue Silver Bright Clear Iron Summit River Stone Cedar Harbor Atlas Vector Lumen Apex "
    "Cobalt Delta Ember Falcon Granite Helix Indigo Juniper Keystone Lattice Meridian Nimbus "
    "Orchard Pioneer Quartz Redwood Sierra Tidal Umbra Vertex Willow Zenith Aurora Beacon Canyon "
    "Drift Everest Fjord Glacier Horizon Isthmus Krypton Larch Mosaic Nova Onyx Prism Raven "
    "Saffron Terra Ultra Valor Westwind Alder Birch Copper Dune Eagle Fern Garnet Heron"
)
_SECOND = _words(
    "wave field gate works light bridge point path core stream line peak forge craft logic ware "
    "grid scale mark port stack flow shift loop spark build crest mill yard dock lane"
)
_TRADES = _words(
    "Systems Software Logistics Consulting Industries Foods Medical Energy Partners Analytics "
    "Engineering Automation Insurance Capital Networks Materials Robotics Packaging Motors "
    "Instruments Pharma Textiles Media Learning Security Solar Marine Interiors Optics Labs"
)
_LEGAL = {
    "US": ("Inc.", "LLC", "Corp.", "Inc", "Co."),
    "GB": ("Ltd", "Limited", "plc", "LLP"),
    "DE": ("GmbH", "AG", "GmbH & Co. KG", "SE"),
    "FR": ("SAS", "SARL", "SA"),
    "AU": ("Pty Ltd", "Ltd"),
    "ES": ("S.L.", "S.A."),
    "SE": ("AB",),
}
_TOP_LEVEL = {"US": "com", "GB": "co.uk", "DE": "de", "FR": "fr", "AU": "com.au", "ES": "es",
              "SE": "se"}  # fmt: skip
_LEVELS = ("", "", "", "Senior ", "Senior ", "Head of ", "Director of ", "VP ", "Junior ", "Lead ")
_ROLES = _words(
    "Marketing Manager|Account Manager|Software Engineer|Operations Manager|Project Manager|"
    "Buyer|Procurement Manager|Sales Manager|Product Manager|IT Administrator|Data Analyst|"
    "Controller|HR Manager|Office Manager|Quality Engineer|Plant Manager|Logistics Coordinator|"
    "Finance Manager|Business Analyst|Consultant|Legal Counsel|Research Scientist|"
    "Customer Success Manager|Compliance Officer|Facilities Manager|Supply Chain Planner",
    "|",
)
_TOPICS = ("Marketing", "Sales", "IT", "Operations", "Finance", "Procurement", "Product", "HR")
_CHIEFS = ("CEO", "CTO", "CFO", "Managing Director", "Owner", "COO", "Founder", "CMO")


@dataclass(frozen=True, slots=True)
class Address:
    """Where somebody lives or works; `country` is an ISO code."""

    street: str
    city: str
    postcode: str
    region: str
    country: str


@dataclass(frozen=True, slots=True)
class Company:
    """An employer. `phone` is its switchboard, which half of its people give as their own."""

    number: int
    name: str
    legal: str
    domain: str
    industry: str
    address: Address
    phone: str
    employees: int


@dataclass(frozen=True, slots=True)
class Employment:
    """One job: where, as what, and how to reach the person there (E.164)."""

    company: Company
    title: str
    email: str
    direct: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as they really are. `jobs` oldest first: two where they changed, else one.

    `namesake` is the id of an earlier person of the same name, who is somebody else.
    """

    id: str
    given: str
    family: str
    private_email: str
    mobile: str
    home: Address
    jobs: tuple[Employment, ...]
    namesake: str | None = None

    @property
    def job(self) -> Employment:
        """What they do now."""
        return self.jobs[-1]

    @property
    def name(self) -> str:
        """Given and family name."""
        return f"{self.given} {self.family}"


class Population:
    """Makes people one after another, in companies that grow with them."""

    def __init__(self, draw: Draw, expected: int) -> None:
        self._draw = draw
        self._emails: set[str] = set()
        self._domains: set[str] = set()
        self._staff: dict[int, set[str]] = {}
        self._made: list[Person] = []
        self.companies = [self._company(n) for n in range(max(8, expected // 5))]

    def person(self, *, namesake: bool = False, changed_job: bool = False) -> Person:
        """The next person; `namesake` gives them the name of somebody already made.

        A namesake always differs in company, town and every number and address.
        """
        draw = self._draw
        culture = draw.culture()
        twin = draw.pick(self._made) if namesake and self._made else None
        company = self._employer(culture, twin)
        given, family = self._name(culture, company, twin)
        home = self._home(company)
        country = COUNTRIES[company.address.country]
        jobs = [self._employment(given, family, company)]
        if changed_job:
            other = self._employer(culture, twin, besides=company)
            jobs.append(self._employment(given, family, other))
        person = Person(
            id=f"p{len(self._made) + 1:06d}",
            given=given,
            family=family,
            private_email=self._private_email(given, family),
            mobile=draw.mobile(country, draw.place(country)),
            home=home,
            jobs=tuple(jobs),
            namesake=None if twin is None else twin.id,
        )
        self._made.append(person)
        return person

    def _name(self, culture: Culture, company: Company, twin: Person | None) -> tuple[str, str]:
        if twin is not None:
            self._staff.setdefault(company.number, set()).add(plain(twin.name).lower())
            return twin.given, twin.family
        draw, staff = self._draw, self._staff.setdefault(company.number, set())
        family = draw.family(culture)
        if staff and draw.chance(0.04):
            # Relatives at work: the same family name in one company.
            family = draw.pick(sorted(staff)).split(" ")[-1].capitalize()
        while True:
            given = draw.skewed(culture.given)
            # Two of one full name in one company could be told apart by nobody.
            if (key := plain(f"{given} {family}").lower()) not in staff:
                staff.add(key)
                return given, family
            family = draw.family(culture)

    def _employer(
        self, culture: Culture, twin: Person | None, besides: Company | None = None
    ) -> Company:
        taken = {job.company.number for job in twin.jobs} if twin is not None else set()
        towns = {job.company.address.city for job in twin.jobs} if twin is not None else set()
        best = self._draw.skewed(self.companies, 1.3)
        for _ in range(40):
            fits = (
                best.number not in taken
                and best.address.city not in towns
                and (besides is None or best.number != besides.number)
            )
            if fits and best.address.country in culture.countries:
                return best
            best = self._draw.skewed(self.companies, 1.3)
        return self._any_other(taken | ({besides.number} if besides is not None else set()))

    def _any_other(self, taken: set[int]) -> Company:
        free = [company for company in self.companies if company.number not in taken]
        return self._draw.pick(free)

    def _employment(self, given: str, family: str, company: Company) -> Employment:
        draw = self._draw
        country = COUNTRIES[company.address.country]
        line = next(c.line for c in country.cities if c.name == company.address.city)
        return Employment(
            company=company,
            title=self._title(),
            email=self._work_email(given, family, company),
            direct=draw.phone(line, country.digits) if draw.chance(0.45) else None,
        )

    def _title(self) -> str:
        draw = self._draw
        if draw.chance(0.07):
            return draw.pick(_CHIEFS)
        level = draw.pick(_LEVELS)
        if level in ("Head of ", "Director of ", "VP "):
            return level + draw.pick(_TOPICS)
        return level + draw.pick(_ROLES)

    def _work_email(self, given: str, family: str, company: Company) -> str:
        first, last = _local(given), _local(family)
        # One company has one way of making addresses.
        patterns = (f"{first}.{last}", f"{first[0]}{last}", first, f"{first}{last}",
                    f"{first}.{last}", f"{first[0]}.{last}")  # fmt: skip
        return self._unused(patterns[company.number % len(patterns)], company.domain, last)

    def _private_email(self, given: str, family: str) -> str:
        draw = self._draw
        first, last = _local(given), _local(family)
        year = 1955 + int(draw.random.random() * 50)
        local = draw.pick(
            (f"{first}.{last}{year % 100:02d}", f"{first}{last}{year}", f"{last}.{first}",
             f"{first[0]}{last}{int(draw.random.random() * 999)}", f"{first}_{last}{year % 100}")
        )  # fmt: skip
        return self._unused(local, draw.skewed(FREE_MAIL), last)

    def _unused(self, local: str, domain: str, family: str) -> str:
        email, number = f"{local}@{domain}", 2
        if email in self._emails and family not in local:
            email = f"{local}.{family}@{domain}"
        while email in self._emails:
            email, number = f"{local}{number}@{domain}", number + 1
        self._emails.add(email)
        return email

    def _home(self, company: Company) -> Address:
        draw = self._draw
        country = COUNTRIES[company.address.country]
        city = next(c for c in country.cities if c.name == company.address.city)
        if draw.chance(0.25):
            city = draw.place(country)
        return Address(
            draw.street(country), city.name, draw.postcode(country, city), city.region, country.code
        )

    def _company(self, number: int) -> Company:
        draw = self._draw
        culture, code = _founding(draw)
        country = COUNTRIES[code]
        city = draw.place(country)
        name, domain = self._firm(culture, code)
        return Company(
            number=number,
            name=name,
            legal=draw.pick(_LEGAL[code]),
            domain=domain,
            industry=draw.pick(INDUSTRIES),
            address=Address(
                draw.street(country), city.name, draw.postcode(country, city), city.region, code
            ),
            phone=draw.phone(city.line, country.digits),
            employees=int(10 ** (1 + 3 * draw.random.random())),
        )

    def _firm(self, culture: Culture, code: str) -> tuple[str, str]:
        draw = self._draw
        while True:
            trade = draw.pick(_TRADES)
            head = (
                draw.family(culture) if draw.chance(0.35)
                else draw.pick(_FIRST) + draw.pick(_SECOND) if draw.chance(0.6)
                else draw.pick(_FIRST)
            )  # fmt: skip
            name = f"{head} {trade}" if draw.chance(0.85) else head
            joint = draw.pick(("", "-", ""))
            stem = joint.join(_local(word) for word in name.split())
            domain = f"{stem}.{_TOP_LEVEL[code]}"
            if domain not in self._domains:
                self._domains.add(domain)
                return name, domain


def _founding(draw: Draw) -> tuple[Culture, str]:
    culture = draw.random.choices([c for c, _ in CULTURES], [s for _, s in CULTURES])[0]
    return culture, draw.pick(culture.countries)


def _local(text: str) -> str:
    letters = plain(text, german=True).lower()
    return "".join(c for c in letters if c.isalnum() and c.isascii()) or "x"
