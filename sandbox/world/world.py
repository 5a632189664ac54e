"""A world: people on both sides, their history, days that pass, and the truth about it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.clock import VirtualClock, iso
from sandbox.hubspot.account import HubSpotAccount
from sandbox.salesforce.org import SalesforceOrg
from sandbox.world.cleanup import Cleanup
from sandbox.world.days import ON_DEMAND, RATES, Day, Hands
from sandbox.world.draw import Draw
from sandbox.world.filling import Filling, actor_of
from sandbox.world.generated import Generated
from sandbox.world.marketing import Marketing
from sandbox.world.plant import Gardener, Planted
from sandbox.world.roster import Actor, Roster, tell
from sandbox.world.sales import Sales
from sandbox.world.touching import Touching

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
"""A world's first morning, a Monday."""
MOST_PEOPLE = {"generated": 200_000, "febrl4": 5_000}
"""The most people a world can have on one side; FEBRL 4 ships 5,000."""
KINDS = tuple(MOST_PEOPLE)
_HISTORY = timedelta(days=80)
_HISTORY_FORMS = 0.35
_HISTORY_MAILS = 0.7
_HISTORY_TYPE_OPT_OUTS = 0.02


class World:
    """A loaded world; made by `build_world`."""

    def __init__(
        self,
        kind: str,
        hands: Hands,
        salesforce: SalesforceOrg,
        seed: int,
        planted: Sequence[Planted] = (),
    ) -> None:
        self._kind = kind
        self._planted = planted
        self._hands = hands
        self._salesforce = salesforce
        self._seed = seed
        self._days = 0

    def tick(self, days: int = 1, rates: Mapping[str, float] | None = None) -> dict[str, Any]:
        """Let days pass; the clock ends up that much later.

        `rates` replace some of `sandbox.world.days.RATES` (shares of all people a day): merges,
        deletions and what is among `ON_DEMAND` happen only so. Raises ValueError on an unknown rate
        or a negative one.
        Returns `{"days", "now", "happened": {kind: count}}`. What happens on the nth day depends
        on the seed and on what the days before did, never on the system under test.
        """
        rates = rates or {}
        known = (*RATES, *ON_DEMAND)
        if set(rates) - set(known) or any(rate < 0 for rate in rates.values()):
            message = f"rates must be shares of people by: {', '.join(known)}"
            raise ValueError(message)
        happened: Counter[str] = Counter()
        for _ in range(days):
            self._days += 1
            draw = Draw(f"{self._seed}/{self._kind}/day/{self._days}")
            start = self._hands.clock.now()
            self._hands.roster.use(draw)
            self._hands.marketing.use(draw)
            self._hands.sales.use(draw)
            happened += Day(self._hands, draw, start, rates).live()
        now = iso(self._hands.clock.now())
        return {"days": days, "now": now, "happened": dict(sorted(happened.items()))}

    def summary(self) -> dict[str, Any]:
        """What was loaded, in numbers."""
        actors = self._hands.roster.actors
        defects = Counter(defect for actor in actors for defect in actor.defects)
        return {
            "kind": self._kind,
            "seed": self._seed,
            "people": len(actors),
            "hubspot_contacts": sum(len(actor.map_emails) for actor in actors),
            "salesforce_records": sum(len(actor.records) for actor in actors),
            "on_both_sides": sum(bool(one.map_emails and one.records) for one in actors),
            "defects": dict(sorted(defects.items())),
        }

    def truth(self) -> dict[str, Any]:
        """Who is who, who did what, and what sales made of it.

        `{"kind", "seed", "now", "forms": {guid: name}, "campaigns": {id: name},
        "subscriptions": [id], "planted": [...], "people": [...]}`. What was `planted` has `defect`,
        `system`, `object`, `id` and `person` (`sandbox.world.plant`). A person has

        - `id`, `name`, `defects`
        - `hubspot_contact_ids` (live ones) and `hubspot_merged_ids` (now part of those),
          `hubspot_since` (when each came to be)
        - `salesforce_records`: `object`, `id`, `converted_from` (the Leads it was), `merged_from`,
          `diary`: what was done to it by whom, and when (`sandbox.world.diary`)
        - `deleted`: records that were theirs (`system`, `object`, `id`)
        - `opt_out`: `all_mail`, `subscriptions` (ids), `changes` (dated, with side and scope)
        - `form_submissions`: `form`, `conversion_id`, `submitted_at` (ms), `email`
        - `email_events`: `id`, `created` (ms), `type`, `filtered`
        - `hubspot_calls`: `id`, `contact`, `at`, `by` (the HubSpot user)
        - `outcomes`, one for each CRM record, read from the CRM as it stands: `lead_status`,
          `owner_email`, `owner_id`, `converted`, `won_revenue`, `opportunities` (`id`, `stage`,
          `amount`, `close_date`, `is_closed`, `is_won`)
        """
        hands = self._hands
        return {
            "kind": self._kind,
            "seed": self._seed,
            "now": iso(hands.clock.now()),
            "forms": {form.guid: form.name for form in hands.marketing.forms},
            "campaigns": {str(key): name for key, name in hands.marketing.campaigns.items()},
            "subscriptions": [str(one) for one in hands.subscriptions],
            "planted": [one.told() for one in self._planted],
            "people": tell(hands.roster, hands.hubspot, self._salesforce),
        }


def build_world(
    kind: str,
    hubspot: HubSpotAccount,
    salesforce: SalesforceOrg,
    clock: VirtualClock,
    *,
    people: int = 2000,
    crm_records: int | None = None,
    seed: int = 7,
    clean: bool = False,
    defects: Mapping[str, int] | None = None,
) -> World:
    """Fill both vendors with a world of `people` MAP contacts and `crm_records` CRM records.

    `kind` is "generated" or "febrl4" (at most 5,000 a side). In a `clean` one the two teams work
    together as they should; `defects` are planted in it afterwards, so many of each
    (`sandbox.world.plant`). The clock is set to `START`; the same arguments give the same world.
    Raises ValueError on an unknown kind, size or defect.
    """
    if kind not in KINDS:
        message = f"kind must be one of: {', '.join(KINDS)}"
        raise ValueError(message)
    records = people if crm_records is None else crm_records
    most = MOST_PEOPLE[kind]
    if not (10 <= people <= most and 0 <= records <= most):
        message = f"people must be 10 to {most}, crm_records 0 to {most}"
        raise ValueError(message)
    draw = Draw(f"{seed}/{kind}")
    clock.set(START)
    roster, marketing = Roster(draw), Marketing(hubspot, draw)
    sales = Sales(hubspot, salesforce, draw)
    people_of = _generated if kind == "generated" else _febrl
    newcomer = people_of(Cast(draw, hubspot, salesforce, sales, roster), people, records)
    sales.dismiss()
    hands = Hands(
        clock=clock,
        hubspot=hubspot,
        marketing=marketing,
        sales=sales,
        cleanup=Cleanup(hubspot, salesforce),
        touching=Touching(hubspot, salesforce, sales),
        roster=roster,
        newcomer=newcomer,
        subscriptions=tuple(hubspot.consent.types),
    )
    _live_history(hands, draw)
    gardener = Gardener(
        hubspot, salesforce, marketing, sales, roster, newcomer, START - timedelta(hours=1)
    )
    if clean:
        gardener.tidy()
    planted = gardener.plant(defects) if defects else []
    hubspot.settle_search()
    clock.set(START)
    return World(kind, hands, salesforce, seed, planted)


@dataclass(frozen=True)
class Cast:
    """What it takes to bring people on stage."""

    draw: Draw
    hubspot: HubSpotAccount
    salesforce: SalesforceOrg
    sales: Sales
    roster: Roster


def _generated(cast: Cast, people: int, records: int) -> Callable[[], Actor]:
    """Load generated people; returns what makes newcomers."""
    generated = Generated(cast.draw, people, records)
    filling = Filling(cast.hubspot, cast.salesforce, cast.sales, cast.draw, start=START - _HISTORY)
    cast.roster.actors += [filling.actor(holding) for holding in generated.holdings()]
    return lambda: actor_of(generated.newcomer())


def _febrl(cast: Cast, people: int, records: int) -> Callable[[], Actor]:
    """Load FEBRL's people; returns what makes newcomers."""
    # Data frames take a second and 100 MB, which only this world needs.
    from sandbox.world.febrl import Febrl

    febrl = Febrl(
        cast.draw,
        cast.hubspot,
        cast.salesforce,
        cast.sales,
        people=people,
        crm_records=records,
        start=START - _HISTORY,
    )
    cast.roster.actors += febrl.actors()
    return febrl.newcomer


def _live_history(hands: Hands, draw: Draw) -> None:
    """Forms filled and mail sent in the weeks before the world starts."""
    start, end = START - _HISTORY, START - timedelta(hours=1)
    campaigns = sorted(hands.marketing.campaigns)
    events: list[dict[str, Any]] = []
    for actor in hands.roster.actors:
        email = actor.email
        if email is None:
            continue
        if draw.chance(_HISTORY_FORMS):
            for at in sorted(draw.between(start, end) for _ in range(draw.count(1, 1.5))):
                hands.marketing.fill(actor, draw.pick(hands.marketing.forms), email, at)
        if hands.subscriptions and actor.mailable and draw.chance(_HISTORY_TYPE_OPT_OUTS):
            chosen = draw.pick(hands.subscriptions)
            hands.marketing.unsubscribe(actor, draw.between(start, end), chosen)
        if actor.mailable and draw.chance(_HISTORY_MAILS):
            at = draw.between(start, end)
            events += hands.marketing.mail(actor, draw.pick(campaigns), at, end)
    hands.hubspot.add_email_events(events)
