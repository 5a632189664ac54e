"""Values of `config.yaml` that come from elsewhere: environment, secret files, database addresses.

What is read here may be secret: messages name the variable, the file or the key, never a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from mappings.errors import Position
from mappings.positions import Faults, is_there
from mappings.sections import Section


class SystemKind(StrEnum):
    """The systems Leadloop speaks with."""

    HUBSPOT = "hubspot"
    SALESFORCE = "salesforce"
    OUTBOX = "outbox"


PLAYS = {
    "map": (SystemKind.HUBSPOT,),
    "crm": (SystemKind.SALESFORCE, SystemKind.OUTBOX),
}
"""Which kinds of system can play which side."""


def named(kinds: Iterable[SystemKind]) -> str:
    """Kinds as a sentence names them: `a, b or c`."""
    words = [kind.value for kind in kinds]
    return " or ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ALMOST = re.compile(r"\$[({]")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ACCOUNTS = {
    "hubspot": (re.compile(r"[1-9]\d*"), "Write the portal's number: it stands in every address."),
    "salesforce": (
        re.compile(r"00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?"),
        "Write the organization's id, 15 or 18 characters from 00D on (Setup, Company).",
    ),
}
"""How the vendors' account ids look (FACTS section 4, Objects: prefixes), and where one is. That of
an outbox is the file's name, of any form."""
_ANY = re.compile(r".+")
_MAX_SECRET = 100_000

_COMMON = ("kind", "account_id", "leadloop_share")
_PLAIN: Mapping[str, tuple[str, ...]] = {
    "hubspot": ("base_url", "api", "search_lag_seconds", "client_id"),
    "salesforce": (
        "login_url",
        "instance_url",
        "audience",
        "username",
        "version",
        "client_id",
    ),
    "outbox": (),
}
"""Settings of each connector as it documents them; addresses default to the vendor's own."""
_SECRET: Mapping[str, tuple[str, ...]] = {
    "hubspot": ("access_token", "refresh_token", "client_secret"),
    "salesforce": ("client_secret",),
    "outbox": (),
}
_NUMBERS: Mapping[str, tuple[str, ...]] = {"hubspot": ("lists",), "salesforce": (), "outbox": ()}
"""Settings that are numbers of the vendor's, one or a list of them; given on with commas."""
_PATHS: Mapping[str, tuple[str, ...]] = {
    "hubspot": (),
    "salesforce": ("ca_file", "private_key_file"),
    "outbox": ("file",),
}


def address_fault(url: str) -> tuple[str, str] | None:
    """What is wrong with an address, and the fix: it is a whole one, and over plain http
    credentials go only to this machine."""
    parts = urlsplit(url)
    here = parts.hostname in _LOOPBACK
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        shown = url.rpartition("@")[2]  # without a password
        return f"`{shown}` is no address.", "Write it whole: https://NAME.example.com."
    if parts.scheme == "http" and not here:
        return "Credentials would cross the network unprotected.", "Write https://."
    if parts.hostname.endswith(".lightning.force.com"):
        fix = f"Write https://{parts.hostname.split('.')[0]}.my.salesforce.com."
        return "This is where people work; programs log in elsewhere.", fix
    if parts.hostname.endswith(".salesforce.com") and parts.path.strip("/"):
        message = f"The address goes on after its name: `{parts.path}`."
        return message, f"Write https://{parts.hostname}."
    return None


def account_fault(text: str, kind: str) -> tuple[str, str] | None:
    """What is wrong with the id of an account of that kind, and the fix."""
    right, fix = _ACCOUNTS.get(kind, (_ANY, ""))
    if right.fullmatch(text) is not None:
        return None
    return f"`{text}` is no id of a {kind} account.", fix


def secret_keys(kind: str | None) -> tuple[str, ...]:
    """Every key a system of that kind may have; of an unknown kind, those of all kinds."""
    kinds = [kind] if kind else list(_PLAIN)
    keys = list(_COMMON)
    for each in kinds:
        keys += [*_PLAIN[each], *_NUMBERS[each], *_PATHS[each]]
        for name in _SECRET[each]:
            keys += [name, f"{name}_file"]
    return tuple(dict.fromkeys(keys))


class Values:
    """Expands `${NAME}` and reads `*_file` keys, relative to the workspace."""

    def __init__(self, faults: Faults, directory: Path, environ: Mapping[str, str]) -> None:
        self._faults = faults
        self._directory = directory
        self._environ = environ

    @property
    def directory(self) -> Path:
        """The workspace."""
        return self._directory

    def text(self, section: Section, key: str, default: str = "") -> str:
        """Text with environment variables filled in."""
        return self.expand(section.text(key, default), section.place(key))

    def expand(self, text: str, at: Position) -> str:
        """The text with every `${NAME}` replaced; a variable that is not set is a fault."""

        def value(match: re.Match[str]) -> str:
            found = self._environ.get(match[1], "")
            if not found:
                self._faults.add(
                    at, f"The environment variable {match[1]} is not set.",
                    f"Set it (export {match[1]}=...) where Leadloop runs.",
                    code="config.missing_variable",
                )  # fmt: skip
            return found

        filled = _VARIABLE.sub(value, text)
        if _ALMOST.search(_VARIABLE.sub("", text)):
            self._faults.add(
                at, "This looks like a variable and names none.",
                "Write `${NAME}`: braces, and letters, digits and underscores in them.",
                code="config.missing_variable",
            )  # fmt: skip
        return filled

    def secret(self, section: Section, key: str, *, literal: bool = False) -> str:
        """A secret: `key: ${NAME}` or `key_file: path`; "" when neither is given or usable.

        Literal secrets are refused unless `literal`, since the file is meant to be shared.
        """
        file_key = f"{key}_file"
        if section.has(key) and section.has(file_key):
            self._faults.add(
                section.place(file_key), f"Both `{key}` and `{file_key}` are given.",
                "Keep one of the two.", code="config.duplicate_key",
            )  # fmt: skip
        if section.has(file_key):
            return self._file(section.text(file_key), section.place(file_key))
        if not section.has(key):
            return ""
        written = section.text(key)
        if not literal and not _VARIABLE.search(written):
            self._faults.add(
                section.place(key), f"`{key}` holds the secret itself.",
                f"Write `{key}: ${{NAME}}` and set that variable, or use `{file_key}: PATH`.",
                code="config.literal_secret",
            )  # fmt: skip
            return ""
        return self.expand(written, section.place(key))

    def notification(self, text: str, at: Position) -> str:
        """An address of somebody to call: a scheme, `://`, and where."""
        if not re.match(r"(\$\{|[A-Za-z0-9]+://)", text):
            self._faults.add(
                at, f"`{text.partition('/')[0]}` is no address of Apprise's: its kind is missing.",
                "Write it like mailto://user@example.com or slack://TOKEN: see Apprise's list.",
                code="config.address",
            )  # fmt: skip
        return self.expand(text, at)

    def settings(self, section: Section, kind: str) -> dict[str, str]:
        """Addresses and credentials of one system, resolved; keys not given are absent."""
        found = {key: self.text(section, key) for key in _PLAIN[kind]}
        for key in ("base_url", "login_url", "instance_url"):
            if found.get(key):
                self._address(found[key], section.place(key))
        if found_id := self.text(section, "account_id"):
            self._account(found_id, section.place("account_id"), kind)
        found |= {key: self._numbers(section, key) for key in _NUMBERS[kind]}
        found |= {key: self.secret(section, key) for key in _SECRET[kind]}
        for key in _PATHS[kind]:
            if section.has(key):
                found[key] = self._path(self.text(section, key), section.place(key))
        self._complete(section, kind)
        return {key: value for key, value in found.items() if value}

    def database(self, url: str, at: Position) -> str:
        """The database address; SQLite paths are made absolute, relative to the workspace."""
        scheme, separator, rest = url.partition("://")
        if not separator or scheme.split("+")[0] not in {"sqlite", "postgresql", "postgres"}:
            self._faults.add(
                at, "The state address is neither SQLite's nor PostgreSQL's.",
                "Write sqlite:///leadloop.sqlite3 or postgresql://user@host/database.",
                code="config.state_url",
            )  # fmt: skip
            return url
        if scheme != "sqlite" and not _has_port(url):
            self._faults.add(
                at, "The database's port is no number.",
                "Write postgresql://user@host:5432/database.", code="config.state_url",
            )  # fmt: skip
        if scheme != "sqlite" or not rest.startswith("/") or rest == "/:memory:":
            return url
        return f"sqlite:///{(self._directory / rest[1:]).absolute()}"

    def time_of_day(self, section: Section, key: str, default: tuple[int, int]) -> tuple[int, int]:
        """Hours and minutes of `HH:MM`."""
        if not section.has(key):
            return default
        match = _TIME.fullmatch(section.text(key))
        if match is None:
            self._faults.add(
                section.place(key), f"`{key}` must be a time of day in UTC.",
                'Write it like "02:00".', code="config.wrong_type",
            )  # fmt: skip
            return default
        return int(match[1]), int(match[2])

    def _numbers(self, section: Section, key: str) -> str:
        """Numbers the vendor gives to things, each once."""
        found: dict[str, None] = {}
        for text, at in section.names(key):
            if text.isascii() and text.isdigit():
                found[text] = None
            else:
                self._faults.add(
                    at, f"`{text}` is no number of a list.",
                    "Write the number HubSpot shows in the list's address.",
                    code="config.invalid_id",
                )  # fmt: skip
        return ",".join(found)

    def _address(self, url: str, at: Position) -> None:
        wrong = address_fault(url)
        if wrong is not None:
            self._faults.add(at, *wrong, code="config.address")

    def _account(self, text: str, at: Position, kind: str) -> None:
        wrong = account_fault(text, kind)
        if wrong is not None:
            self._faults.add(at, *wrong, code="config.invalid_id")

    def _complete(self, section: Section, kind: str) -> None:
        def given(key: str) -> bool:
            return section.has(key) or section.has(f"{key}_file")

        if kind == "hubspot":
            if not given("access_token") and not given("refresh_token"):
                section.need(
                    "access_token",
                    "Write `access_token: ${HUBSPOT_TOKEN}`, the token of a private app; or of an"
                    " OAuth app `refresh_token`, `client_id` and `client_secret`.",
                )
            if given("refresh_token"):
                section.need("client_id", "Write the client id of the OAuth app.")
                if not given("client_secret"):
                    section.need("client_secret", "Write `client_secret: ${HUBSPOT_SECRET}`.")
            return
        if kind == "outbox":
            section.need("file", "Name the SQLite file that is shared with the other program.")
            return
        section.need("login_url", "Write your org's My Domain, https://NAME.my.salesforce.com.")
        section.need("client_id", "Write the connected app's consumer key.")
        if not given("client_secret") and not (given("private_key") and section.has("username")):
            section.need(
                "client_secret",
                "Write `client_secret: ${SALESFORCE_CLIENT_SECRET}`, or `username` and"
                " `private_key_file` to log in by JWT.",
            )

    def _file(self, text: str, at: Position) -> str:
        path = self._directory / self.expand(text, at)
        try:
            with path.open(encoding="utf-8") as file:
                content = file.read(_MAX_SECRET).strip()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "not text"
            self._faults.add(
                at, f"The secret file `{text}` cannot be read: {why}.",
                "Write the path whole: `~` is no directory here."
                if text.startswith("~")
                else "Correct the path (relative to config.yaml) or its permissions.",
                code="config.missing_secret",
            )  # fmt: skip
            return ""
        if not content:
            self._faults.add(
                at, f"The secret file `{text}` is empty.", "Put the secret into it.",
                code="config.missing_secret",
            )  # fmt: skip
        return content

    def _path(self, text: str, at: Position) -> str:
        path = self._directory / text
        if not is_there(path) or not path.is_file():
            self._faults.add(
                at, f"There is no file `{text}`.", "Correct the path (relative to config.yaml).",
                code="config.missing_file",
            )  # fmt: skip
        return str(path.absolute())


def read_region(section: Section, faults: Faults) -> str | None:
    """The country whose national telephone numbers are meant; None where nothing is said."""
    region = section.text("region").upper()
    wrong = region_fault(region) if region else None
    if wrong is not None:
        faults.add(section.place("region"), *wrong, code="config.unknown_value")
    return region or None


def region_fault(region: str) -> tuple[str, str] | None:
    """What is wrong with a country, and the fix."""
    import phonenumbers

    if region.upper() in phonenumbers.SUPPORTED_REGIONS:
        return None
    return f"`{region}` is no ISO country.", "Use two letters, such as DE or US."


def _has_port(url: str) -> bool:
    """Whether the port of an address is one, or there is none."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False
