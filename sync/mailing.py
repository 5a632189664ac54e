"""The monthly report by e-mail: built once the month is over, sent once to each address.

Each address and month has a key in the state, taken before anything is sent. What could not be sent
is tried again every hour; what a killed process may or may not have sent is not sent again
(`state.mailings`). An e-mail is HTML with its pictures inside; where they cannot be drawn it has
its tables alone.
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from lifecycle.periods import Span, last_month
from mappings.errors import ConfigurationError
from mappings.fieldmap import PairMapping
from state import mailings
from state.store import Store
from sync.charts import pictures, width_of
from sync.config import Config, PairConfig
from sync.config_service import ReportMail
from sync.crash import crashpoint
from sync.pages import as_email
from sync.report_pages import document
from sync.reporting import Wanted, report
from sync.reporting_words import Audience, Kind

log = structlog.get_logger("leadloop.mailing")


@dataclass(frozen=True, slots=True)
class Letter:
    """One e-mail: `page` is HTML that shows each of `images` (PNG by file name) as `cid:NAME`."""

    title: str
    page: str
    images: Mapping[str, bytes]


Post = Callable[[str, Letter], bool]
"""Sends a letter to one Apprise address; whether it went out. Does not raise."""


def send_due(config: Config, pair: PairConfig, store: Store, post: Post) -> int:
    """Send every report that is due and was not sent yet; how many went out.

    Due is the month that is over, from the first of the next one on, at `schedule.nightly`.
    """
    now = store.clock()
    span = over(pair.mapping, now, config.schedule.nightly_hour)
    letters: dict[Audience, Letter] = {}
    sent = 0
    for wanted, address in _addressed(config.reports):
        key = key_of(span, wanted.audience, address)
        with store.begin() as tx:
            is_ours = mailings.claim(tx, key)
        crashpoint("after_mailing_claim")
        if not is_ours:
            continue
        if wanted.audience not in letters:
            letters[wanted.audience] = letter(pair, store, wanted.audience, span)
        went_out = post(address, letters[wanted.audience])
        crashpoint("after_mailing")
        with store.begin() as tx:
            mailings.settle(tx, key, sent=went_out)
        log.info("report.mailed" if went_out else "report.not_mailed", pair=pair.name)
        sent += went_out
    return sent


def _addressed(reports: Sequence[ReportMail]) -> Iterator[tuple[ReportMail, str]]:
    yield from ((one, address) for one in reports for address in one.to)


def over(mapping: PairMapping, now: datetime, hour: int) -> Span:
    """The last month that has been over for so many hours, in the reporting zone."""
    return last_month(mapping.contract.reporting, now - timedelta(hours=hour))


def key_of(span: Span, audience: Audience, address: str) -> str:
    """Names one report to one address, without telling the address."""
    whose = hashlib.sha256(address.encode()).hexdigest()[:16]
    return f"{span.start:%Y-%m-%dT%H}:{audience}:{whose}"


def letter(pair: PairConfig, store: Store, audience: Audience, span: Span) -> Letter:
    """The report of a month as an e-mail."""
    with store.read() as tx:
        wanted = Wanted(Kind.MONTHLY, audience, span)
        found = report(tx, pair.mapping, wanted, crm=pair.crm_system.kind)
    images, places = _images(found)
    made = document(pair.name, found, pictures=places)
    return Letter(made.title, as_email(made), images)


def _images(found: Mapping[str, Any]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Pictures by file name, and their places in the page by part."""
    images: dict[str, bytes] = {}
    places: dict[str, str] = {}
    try:
        for picture in pictures(found):
            name = f"{picture.part}.png"
            images[name] = picture.png()
            places[picture.part] = (
                f'<img src="cid:{name}" alt="{html.escape(picture.alt)}"'
                f' width="{width_of(images[name])}" style="max-width:100%;height:auto">'
            )
    except ConfigurationError as error:
        log.info("report.no_pictures", code=error.code)
        return {}, {}
    return images, places
