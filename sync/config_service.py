"""The parts of `config.yaml` about running as a service: `service`, `retention`, `erasure`,
`reports` and `staff`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

from mappings.positions import Faults
from mappings.sections import Section
from sync.config_values import Values
from sync.reporting_words import Audience

SERVICE_KEYS = ("host", "port", "expose")
CONSOLE_KEYS = ("host", "port")
ERASURE_KEYS = ("folder", "follow")
REPORT_KEYS = ("to", "for")
STAFF_KEYS = ("address", "people")
EMAIL = "{email}"
"""What stands for a person's e-mail address in the address of everybody."""
RETENTION_KEYS = ("inbox_days", "dead_letter_days", "before_image_days", "event_months")


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """Where the daemon answers /livez, /readyz and /metrics; port 0 takes any free one."""

    host: str = "127.0.0.1"
    port: int = 8901


@dataclass(frozen=True, slots=True)
class RetentionConfig:
    """How long what is no longer needed is kept (DESIGN section 3). `before_image_days` is the
    time within which a write can be undone.
    """

    inbox_days: int = 30
    dead_letter_days: int = 90
    before_image_days: int = 180
    event_months: int = 25


class Follow(StrEnum):
    """What becomes of a person whose contact the MAP has deleted for good."""

    STATE = "state"
    BOTH = "both"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class ErasureConfig:
    """The folder of the tombstones' key and the list of erasures; whether a deletion for good at
    the MAP is an erasure: of what Leadloop keeps, or at the CRM as well."""

    folder: Path
    follow: Follow = Follow.STATE


@dataclass(frozen=True, slots=True)
class ReportMail:
    """Who is sent the monthly report: Apprise addresses, and whose part of it."""

    to: tuple[str, ...] = field(repr=False)
    audience: Audience = Audience.BOTH


def read_reports(top: Section, values: Values, faults: Faults) -> tuple[ReportMail, ...]:
    """`reports`: nobody where nothing is said."""
    found = []
    for node in top.items("reports"):
        section = Section(node, faults, "an entry of `reports`", REPORT_KEYS)
        if section.need("to", "Give the Apprise address the report goes to, such as mailtos://..."):
            to = tuple(values.notification(text, at) for text, at in section.names("to"))
            found.append(ReportMail(to, section.choice("for", Audience, Audience.BOTH)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Staff:
    """How people in sales hear of what concerns them: Apprise addresses by their e-mail address at
    the CRM (lower case), else one for everybody in which `{email}` stands for it; None for none.
    """

    address: str | None = field(default=None, repr=False)
    people: Mapping[str, str] = field(default_factory=dict, repr=False)

    def address_of(self, email: str) -> str | None:
        """Where somebody hears; None where nobody has said."""
        known = self.people.get(email.lower())
        if known is None and self.address is not None and email:
            return self.address.replace(EMAIL, quote(email, safe="@"))
        return known


def read_staff(section: Section | None, values: Values, faults: Faults) -> Staff:
    """`staff`: nobody has an address of their own where nothing is said."""
    if section is None:
        return Staff()
    address = section.text("address") or None
    if address is not None and EMAIL not in address:
        faults.add(
            section.place("address"), f"The address says nowhere whose it is: {EMAIL} is missing.",
            f"Write it like mailtos://user:password@host?to={EMAIL}.", code="config.address",
        )  # fmt: skip
    place = section.place("address")
    return Staff(
        address=values.notification(address, place) if address is not None else None,
        people={
            email.strip().lower(): values.notification(node.text, node.at)
            for email, _, node in section.entries("people")
        },
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_service(section: Section | None, faults: Faults) -> ServiceConfig | None:
    """Where to listen; None where nothing is said. An address that others can reach is a fault,
    unless `expose: true` stands beside it.
    """
    if section is None:
        return None
    default = ServiceConfig()
    host = section.text("host", default.host)
    if not is_loopback(host) and not section.flag("expose", default=False):
        faults.add(
            section.place("host"), f"`{host}` can be reached from other machines.",
            "Write 127.0.0.1; or, behind a firewall of yours, `expose: true` beside it.",
            code="config.exposed",
        )  # fmt: skip
    return ServiceConfig(host, section.whole("port", default.port, low=0, high=65_535))


@dataclass(frozen=True, slots=True)
class ConsoleConfig:
    """Where the page listens."""

    host: str = "127.0.0.1"
    port: int = 8900


def read_console(section: Section | None, values: Values) -> ConsoleConfig:
    """`console`: loopback where nothing is said."""
    default = ConsoleConfig()
    if section is None:
        return default
    host = values.text(section, "host", default.host)
    return ConsoleConfig(host, section.whole("port", default.port, low=0, high=65_535))


def read_erasure(section: Section | None, values: Values, state_url: str) -> ErasureConfig:
    """`erasure`: the folder is beside a SQLite state, or the workspace, unless another is named."""
    file = state_url.removeprefix("sqlite:///")
    folder = values.directory if file in {state_url, ":memory:"} else Path(file).parent
    if section is None:
        return ErasureConfig(folder)
    if section.has("folder"):
        folder = values.directory / values.text(section, "folder")
    return ErasureConfig(folder, section.choice("follow", Follow, Follow.STATE))


def read_retention(section: Section | None) -> RetentionConfig:
    """How long to keep what."""
    default = RetentionConfig()
    if section is None:
        return default
    return RetentionConfig(
        inbox_days=section.whole("inbox_days", default.inbox_days, low=1, high=3_650),
        dead_letter_days=section.whole(
            "dead_letter_days", default.dead_letter_days, low=1, high=3_650
        ),
        before_image_days=section.whole(
            "before_image_days", default.before_image_days, low=1, high=3_650
        ),
        event_months=section.whole("event_months", default.event_months, low=1, high=240),
    )
