"""What a column holds, told by its header, or else by its values.

A header is taken apart into words ("MailingAddress_ZipCode" is `mailing address zip code`); what
only says whose or which one it is (`contact`, `home`, `primary`) is dropped. Names of columns are
known in English, German, French, Spanish, Italian, Dutch and Portuguese, and as census bureaus
and linkage test sets abbreviate them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import MappingProxyType

from matching.text import fold, vague_date

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NOT_WORD = re.compile(r"[\W_]+")


def _table(text: str) -> MappingProxyType[str, str]:
    """`role: header, header; ...` as header to role; headers without their spaces."""
    found = {}
    for entry in text.split(";"):
        role, _, headers = entry.partition(":")
        for header in headers.split(","):
            found["".join(header.split())] = role.strip()
    return MappingProxyType(found)


ROLES = _table("""
    given: first name, given name, given, first, forename, forename1, fname, fname c1, firstnm,
        christian name, forenames, first names, given names, vorname, vornamen,
        rufname, prenom, nombre, nombres, primer nombre, nome, voornaam,
        pername1, name first, first nm;
    middle: middle name, middle names, middle initial, middle, mname, minit, second name,
        second given name, fname c2, zweiter vorname, deuxieme prenom, segundo nombre,
        second forename, forename2, mi;
    family: last name, surname, family name, family, last, lname, lname c1, lastnm, sname, sn,
        nachname, familienname, zuname, nom, nom de famille, apellido, apellidos,
        primer apellido, cognome, achternaam, sobrenome, pername2, name last, last nm, surname1;
    second family: lname c2, segundo apellido, surname2, second surname;
    birth family: maiden name, birth name, geburtsname, nom de naissance, madchenname, nee;
    name: full name, name, fullname, person name, vollername, nom complet, nombre completo,
        nome completo, first and surname, display name, naam, volledige naam, contact;
    person: person, member, mitglied, customer, kunde, client, patient, employee, mitarbeiter,
        teilnehmer, participant, student, worker, tenant, mieter, voter, resident;
    salutation: salutation, anrede, civilite, name prefix, prefix, tratamiento, titolo, aanhef;
    email: email, e mail, email address, e mail address, mail, emailadresse, courriel, correo,
        correo electronico, email1, email2, work email, posta elettronica, emailadres;
    phone: phone, telephone, tel, mobile, mobile phone, cell, cell phone, cellphone, phone number,
        telephone number, telefon, telefonnummer, handy, mobil, mobiltelefon, telefono, movil,
        portable, telephone portable, fon, phone1, phone2, telefoon, celular, business phone,
        cellulare, telefoonnummer, rufnummer, mobile number, mobile phone number;
    company: company, company name, account name, account, organisation, organization, employer,
        employer name, firma, unternehmen, arbeitgeber, entreprise, societe, empresa, azienda,
        bedrijf, works, business name, organisation name, organization name, firm, legal name;
    website: website, web site, url, domain, company domain, homepage, webseite, sitio web,
        site web, company website, web;
    title: job title, title, position, role, job, beruf, funktion, occupation, profession, puesto,
        cargo, trade, calling, rank or profession, gewerbe,
        berufsbezeichnung, poste, metier, professione, beroep, stelle;
    house: street number, house number, house no, hausnummer, hausnr, hnr, streetnumber, st number,
        numero civico, huisnummer, address number, nr, street no, numero;
    street: street, street name, address, address 1, address1, address line 1, addr, addr1,
        street address, residence, dwelling, abode, home address,
        strasse, str, adresse, anschrift, rue, direccion, calle, indirizzo, via,
        straat, adres, mailing street, morada, endereco, strassenname;
    unit: unit, unit number, address 2, address2, address line 2, addr2, apartment, apt, suite,
        wohnung, zusatz, adresszusatz, po box, flat, complement;
    city: city, town, suburb, locality, ort, stadt, wohnort, ville, ciudad, citta, stad, plaats,
        gemeinde, municipality, commune, localidad, cidade, comune, post town, mailing city,
        woonplaats, poblacion, parish, village, township, pfarrei, kirchspiel, paroisse, parroquia;
    postcode: postcode, post code, postal code, zip, zip code, zipcode, plz, postleitzahl,
        code postal, codigo postal, cap, postcode fake, enumpc, mailing zip, zip5, cp, postalcode;
    state: state, province, region, bundesland, county, provincia, estado, state code, provincie;
    country: country, land, pays, pais, country code, nation, paese, staat;
    birth_date: dob, date of birth, birth date, birthdate, birthday, geburtsdatum, gebdat,
        geb datum, geb, date de naissance, date naissance, fecha de nacimiento, fecha nacimiento,
        data di nascita, data nascita, geboortedatum, born, date birth, birth dt, geburtstag;
    birth_year: birth year, year of birth, yob, by, geburtsjahr, gebjahr, dob year, byear,
        annee naissance, year birth, birthyear, jahr, ano nacimiento, anno di nascita, dobyear;
    birth_month: birth month, month of birth, mob, bm, geburtsmonat, dob mon, dob month, bmonth,
        mois naissance, birthmonth, monat, mes nacimiento, gebmonat;
    birth_day: birth day, day of birth, bd, dob day, bday, jour naissance, birth day of month, tag,
        dia nacimiento, gebtag;
    age: age, alter, edad, eta, leeftijd, age at census, idade, age years;
    sex: sex, gender, geschlecht, sexe, sexo, sesso, geslacht;
    code: soc sec id, ssn, social security number, social security, nin, nino, national id,
        national insurance number, tax id, vat, vat id, ustid, steuernummer, nhs number, itin,
        passport, passport number, dni, nif, siren, siret, duns, ean, gtin, isbn, sku, upc,
        sozialversicherungsnummer, svnr, versichertennummer, driving licence, codice fiscale
""")
"""Role by header, in words run together."""

OTHERS = frozenset(
    """
    employer company account organisation organization org firm birth born death mother father
    spouse partner parent child guardian emergency bank product item file host brand domain
    previous former old last doctor owner manager referrer geburts mutter vater
    """.split()
)
"""Words that make what follows somebody else's or of another time."""

EDITIONS = frozenset(
    """
    clean cleaned std standard norm raw orig original value val txt text field required optional
    mandatory pflicht pflichtfeld priv private privat geschaftlich dienstlich am
    """.split()
)
"""Words behind a header that say in which edition it stands, or how a form asked for it."""

_SHORT = 3
"""Letters of a header that is known only when nothing stands before it, but for these few."""

_TELLING = frozenset("dob zip plz ort ssn sex age tel".split())

_SAMPLE = 2_000
_SHARE = 0.9
_FEW = 20
_RARE = 0.05
_LONG = 5
_TOKENS = 1.4
_NUMBER = re.compile(r"^[-+]?\d{1,15}(?:[.,]\d+)?$")
_CODE = re.compile(r"^[A-Za-z]{0,4}[-/. ]?[\w.-]*\d[\w./-]*$")


def words_of(header: str) -> list[str]:
    """The words of a header, folded."""
    parted = _CAMEL.sub(" ", header.strip())
    return [word for word in _NOT_WORD.sub(" ", fold(parted)).split() if word]


def role_of(header: str) -> str:
    """The role a header names; "" for one nobody knows.

    Words in front are dropped until the rest is known (`applicant_surname`), unless they make it
    somebody else's (`employer_city`, `mother_name`); so are marks of editions behind.
    """
    parts = words_of(header)
    while len(parts) > 1 and (parts[-1] in EDITIONS or parts[-1].isdigit()):
        if "".join(parts) in ROLES:
            break
        parts = parts[:-1]
    whole = len(parts)
    while parts:
        joined = "".join(parts)
        telling = len(joined) > _SHORT or joined in _TELLING
        if joined in ROLES and (telling or len(parts) == whole):
            return ROLES[joined]
        if parts[0] in OTHERS:
            return ""
        parts = parts[1:]
    return ""


def profile(values: Sequence[str]) -> str:
    """What the values look like: number, date, code, category, word or text; "" for nothing."""
    filled = [value.strip() for value in values if value and value.strip()][:_SAMPLE]
    if not filled:
        return ""
    distinct = len(set(filled))
    if _share(filled, _dated) >= _SHARE:
        return "date"
    few = distinct <= max(2, min(_FEW, _RARE * len(filled)))
    if few:
        return "category"
    if _share(filled, _yeared) >= _SHARE:
        return "date"
    if _share(filled, lambda value: bool(_NUMBER.match(value))) >= _SHARE:
        return "code" if _coded(filled) else "number"
    if _share(filled, lambda value: bool(_CODE.match(value))) >= _SHARE:
        return "code"
    tokens = sum(len(value.split()) for value in filled) / len(filled)
    return "word" if tokens <= _TOKENS else "text"


def _share(values: Sequence[str], claim: Callable[[str], bool]) -> float:
    return sum(1 for value in values if claim(value)) / len(values)


def _dated(value: str) -> bool:
    """Whether it is a day of the calendar and of the last centuries."""
    found = _yeared(value) and vague_date(value)
    if not found:
        return False
    _, month, day = found.split("-")
    return 1 <= int(month) <= 12 and 1 <= int(day) <= 31  # noqa: PLR2004 - the calendar


def _yeared(value: str) -> bool:
    """Whether it is a day, a month or a year of the last centuries."""
    year = vague_date(value).partition("-")[0]
    return bool(year) and 1500 <= int(year) <= 2200  # noqa: PLR2004 - centuries people live in


def _coded(numbers: Sequence[str]) -> bool:
    """Whether numbers are names: whole, of one length, five digits at least."""
    lengths = [len(value) for value in numbers]
    usual = max(set(lengths), key=lengths.count)
    alike = lengths.count(usual) / len(lengths)
    return (
        usual >= _LONG and alike >= _SHARE and all("." not in v and "," not in v for v in numbers)
    )
