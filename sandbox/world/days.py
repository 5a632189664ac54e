"""One day in a world: who does what, and when.

`Day.plan` decides everything that happens within the day as timed actions; `Day.live` carries
them out in order of time, with the clock set to each. Rates are shares of all people a day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.clock import VirtualClock
from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.errors import HubSpotError
from sandbox.salesforce.errors import SalesforceError
from sandbox.world.cleanup import Cleanup, has_twins
from sandbox.world.draw import Draw
from sandbox.world.marketing import Marketing
from sandbox.world.roster import Actor, Record, Roster
from sandbox.world.sales import Sales
from sandbox.world.touching import Touching

RATES: dict[str, float] = {
    "form_by_known": 0.010,
    "form_by_crm_only": 0.003,
    "form_by_new": 0.003,
    "form_with_other_address": 0.0006,
    "lead_taken": 0.004,
    "call": 0.005,
    "lead_disqualified": 0.002,
    "lead_converted": 0.002,
    "deal_opened": 0.002,
    "deal_moved": 0.006,
    "map_edit": 0.003,
    "crm_edit": 0.003,
    "unsubscribed": 0.0008,
    "unsubscribed_from_type": 0.0005,
    "crm_opt_out": 0.0006,
    "crm_merge": 0,
    "crm_delete": 0,
    "map_merge": 0,
    "map_delete": 0,
}
"""What happens in a day, as a share of all people; merges and deletions only on demand."""
ON_DEMAND = ("letter", "reply", "campaign_answered", "map_call")
"""What happens only where it is asked for, and else takes no turn of chance: a world without it is
the one it has always been."""
MAILED = 0.02
_LAST_MAIL = timedelta(minutes=20)


@dataclass(frozen=True)
class Hands:
    """Everything a day needs to make things happen."""

    clock: VirtualClock
    hubspot: HubSpotAccount
    marketing: Marketing
    sales: Sales
    cleanup: Cleanup
    touching: Touching
    roster: Roster
    newcomer: Callable[[], Actor]
    subscriptions: tuple[int, ...]


class Day:
    """One day of a world, from `start`, 24 hours long; `rates` replace those of `RATES`."""

    def __init__(
        self, hands: Hands, draw: Draw, start: datetime, rates: Mapping[str, float]
    ) -> None:
        self._rates = {**RATES, **rates}
        self._hands = hands
        self._draw = draw
        self._start = start
        self._end = start + timedelta(days=1)
        self.happened: Counter[str] = Counter()

    def live(self) -> Counter[str]:
        """Let the day pass; returns how often each thing happened, and leaves the clock at its end.

        Every instant written anywhere lies strictly inside the day.
        """
        for at, kind in self._plan():
            self._set_clock(at)
            try:
                if getattr(self, f"_{kind}")(at):
                    self.happened[kind] += 1
            except (HubSpotError, SalesforceError):
                # Somebody deleted, merged or converted what was to be worked on: so it is in
                # life too, and the day goes on.
                self.happened["refused"] += 1
        self._send_mail()
        self._hands.clock.set(self._end)
        return self.happened

    def _plan(self) -> list[tuple[datetime, str]]:
        people = len(self._hands.roster.actors)
        last = self._end - _LAST_MAIL
        return sorted(
            (self._draw.between(self._start, last), kind)
            for kind, rate in self._rates.items()
            for _ in range(self._draw.count(people, rate))
        )

    def _set_clock(self, at: datetime) -> None:
        # The clock also runs by itself while a busy day is written: never set it back.
        if at > self._hands.clock.now():
            self._hands.clock.set(at)

    def _send_mail(self) -> None:
        """Campaigns of the day; the events are added together, as the vendor lists them late."""
        draw, hands = self._draw, self._hands
        campaign = draw.pick(sorted(hands.marketing.campaigns))
        events = []
        for _ in range(draw.count(len(hands.roster.actors), MAILED)):
            actor = hands.roster.some(lambda one: one.email is not None and one.mailable)
            if actor is not None:
                at = draw.between(self._start, self._end - _LAST_MAIL)
                events += hands.marketing.mail(actor, campaign, at, self._end)
                self.happened["mailed"] += 1
        self._set_clock(self._end - timedelta(seconds=1))
        hands.hubspot.add_email_events(events)
        self.happened["email_events"] += len(events)

    # ------------------------------------------------------------------ the MAP side

    def _form_by_known(self, at: datetime) -> bool:
        actor = self._who(lambda one: one.email is not None)
        if actor is None or actor.email is None:
            return False
        self._fill(actor, actor.email, at)
        return True

    def _form_by_crm_only(self, at: datetime) -> bool:
        actor = self._who(
            lambda one: not one.map_emails and bool(one.records) and bool(one.spare_emails)
        )
        if actor is None:
            return False
        self._fill(actor, self._draw.skewed(actor.spare_emails), at)
        return True

    def _form_with_other_address(self, at: datetime) -> bool:
        actor = self._who(lambda one: len(one.map_emails) == 1 and bool(one.spare_emails))
        if actor is None:
            return False
        self._fill(actor, actor.spare_emails[-1], at)
        return True

    def _form_by_new(self, at: datetime) -> bool:
        actor = self._hands.newcomer()
        self._hands.roster.actors.append(actor)
        self._fill(actor, self._draw.skewed(actor.spare_emails), at)
        return True

    def _map_edit(self, at: datetime) -> bool:
        actor = self._who(lambda one: bool(one.map_emails))
        if actor is None:
            return False
        change = {"jobtitle": self._draw.pick(("Team Lead", "Partner", "Regional Manager"))}
        self._hands.hubspot.update(
            "contacts", next(iter(actor.map_emails)), change, source="CRM_UI", at=at
        )
        return True

    def _unsubscribed(self, at: datetime) -> bool:
        actor = self._who(lambda one: one.email is not None and one.mailable)
        if actor is None:
            return False
        self._hands.marketing.unsubscribe(actor, at)
        return True

    def _unsubscribed_from_type(self, at: datetime) -> bool:
        actor = self._who(lambda one: one.email is not None and not one.opt_outs)
        if actor is None or not self._hands.subscriptions:
            return False
        self._hands.marketing.unsubscribe(actor, at, self._draw.pick(self._hands.subscriptions))
        return True

    # ------------------------------------------------------------------ the CRM side

    def _lead_taken(self, at: datetime) -> bool:
        return self._on_record(_is_open_lead, self._hands.sales.take, at)

    def _call(self, at: datetime) -> bool:
        return self._on_record(_is_there, self._hands.sales.call, at)

    def _lead_disqualified(self, at: datetime) -> bool:
        return self._on_record(_is_open_lead, self._hands.sales.disqualify, at)

    def _lead_converted(self, at: datetime) -> bool:
        return self._on_record(_is_open_lead, self._hands.sales.convert, at)

    def _deal_opened(self, at: datetime) -> bool:
        return self._on_record(
            lambda record: record.object == "Contact", self._hands.sales.open_deal, at
        )

    def _deal_moved(self, at: datetime) -> bool:
        return self._on_record(
            lambda record: bool(record.opportunities), self._hands.sales.advance, at
        )

    def _crm_edit(self, at: datetime) -> bool:
        actor = self._who(lambda one: bool(one.records))
        if actor is None:
            return False
        self._hands.sales.edit(actor, actor.records[0], at)
        return True

    def _crm_opt_out(self, at: datetime) -> bool:
        actor = self._who(lambda one: bool(one.records) and one.mailable)
        if actor is None:
            return False
        self._hands.sales.opt_out(actor, actor.records[0], at)
        return True

    # ------------------------------------------------------------------ on demand

    def _letter(self, at: datetime) -> bool:
        return self._on_record(_is_there, self._hands.touching.write, at)

    def _reply(self, at: datetime) -> bool:
        return self._on_record(_is_there, self._hands.touching.reply, at)

    def _campaign_answered(self, at: datetime) -> bool:
        return self._on_record(_is_there, self._hands.touching.answer, at)

    def _map_call(self, at: datetime) -> bool:
        actor = self._who(lambda one: bool(one.map_emails))
        if actor is None:
            return False
        self._hands.touching.call_in_map(actor, at)
        return True

    def _crm_merge(self, at: datetime) -> bool:
        return self._tidy(has_twins, self._hands.cleanup.merge_records, at)

    def _crm_delete(self, at: datetime) -> bool:
        return self._tidy(
            lambda one: bool(one.records),
            lambda one, when: self._hands.cleanup.delete_record(one, self._draw, when),
            at,
        )

    def _map_merge(self, at: datetime) -> bool:
        return self._tidy(
            lambda one: len(one.map_emails) > 1, self._hands.cleanup.merge_contacts, at
        )

    def _map_delete(self, at: datetime) -> bool:
        return self._tidy(
            lambda one: bool(one.map_emails),
            lambda one, when: self._hands.cleanup.archive_contact(one, self._draw, when),
            at,
        )

    def _tidy(
        self,
        fits: Callable[[Actor], bool],
        action: Callable[[Actor, datetime], None],
        at: datetime,
    ) -> bool:
        actor = self._who(fits)
        if actor is None:
            return False
        action(actor, at)
        return True

    def _on_record(
        self,
        fits: Callable[[Record], bool],
        action: Callable[[Record, datetime], object],
        at: datetime,
    ) -> bool:
        actor = self._who(lambda one: any(fits(record) for record in one.records))
        if actor is None:
            return False
        action(next(record for record in actor.records if fits(record)), at)
        return True

    def _fill(self, actor: Actor, email: str, at: datetime) -> None:
        marketing = self._hands.marketing
        # An address nobody knows is asked for everything: its first form is a full one.
        known = email in actor.map_emails.values()
        forms = marketing.forms if known else marketing.forms[2:]
        marketing.fill(actor, self._draw.pick(forms), email, at)

    def _who(self, fits: Callable[[Actor], bool]) -> Actor | None:
        return self._hands.roster.some(fits)


def _is_open_lead(record: Record) -> bool:
    return record.object == "Lead" and not record.done


def _is_there(record: Record) -> bool:
    return bool(record.id)
