"""What HubSpot works out by itself when a record is written: pure rules per object type.

Each rule looks at the values before and the values being written and returns more values to
store. `shown` names those that the vendor shows in write replies; FACTS section 2 and the
recorded creates and updates [R] say which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.hubspot.standard_contact import LIFECYCLE_STAGES
from sandbox.hubspot.times import iso

RANKS = {value: rank for rank, (value, _) in enumerate(LIFECYCLE_STAGES)}
"""Order of the lifecycle stages."""

Stage = Callable[[str, str], tuple[float, bool] | None]
"""(pipeline, stage) -> (probability, closed), None when there is no such stage"""


@dataclass(frozen=True)
class Derived:
    """Values to store beside those written; `dropped` names written ones that change nothing."""

    values: dict[str, str]
    shown: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def on_create(object_type: str, record_id: int, new: Mapping[str, str], *, at: int) -> Derived:
    """What a fresh record gets."""
    if object_type == "contacts":
        values = {
            "hs_all_contact_vids": str(record_id),
            "hs_is_contact": "true",
            "hs_is_unworked": "true",
            "hs_pipeline": "contacts-lifecycle-pipeline",
        }
        return Derived(values, tuple(values))
    if object_type == "tickets" and not new.get("hs_pipeline"):
        return Derived({"hs_pipeline": "0"}, ("hs_pipeline",))
    if object_type == "companies" and new.get("domain") and not new.get("website"):
        return Derived({"website": new["domain"]}, ("website",))
    return Derived({})


def on_write(
    object_type: str,
    before: Mapping[str, str],
    new: Mapping[str, str],
    *,
    at: int,
    by_hand: bool,
    stage: Stage,
) -> Derived:
    """What follows from writing `new` over `before` (empty for a create)."""
    values: dict[str, str] = {}
    shown: list[str] = []
    dropped: tuple[str, ...] = ()
    if object_type == "contacts" and "email" in new:
        values["hs_email_domain"] = new["email"].rpartition("@")[2]
        shown.append("hs_email_domain")
    if "lifecyclestage" in new:
        moved, dropped = _lifecycle(before, new, at=at, by_hand=by_hand)
        values.update(moved)
    if new.get("hubspot_owner_id") and new["hubspot_owner_id"] != before.get("hubspot_owner_id"):
        values["hubspot_owner_assigneddate"] = iso(at)
    if object_type == "deals":
        values.update(_deal(before, new, at=at, stage=stage))
    if object_type == "companies" and before and new.get("domain") and not before.get("website"):
        values.setdefault("website", new.get("website") or new["domain"])
    if object_type == "tasks" and "hs_task_status" in new:
        done = new["hs_task_status"] == "COMPLETED"
        values["hs_task_is_completed"] = "1" if done else "0"
        values["hs_task_completion_date"] = iso(at) if done else ""
    return Derived(values, tuple(shown), dropped)


def _lifecycle(
    before: Mapping[str, str], new: Mapping[str, str], *, at: int, by_hand: bool
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Stage dates; a step back by anything but a hand in the UI is accepted and ignored."""
    old, stage = before.get("lifecyclestage") or "", new["lifecyclestage"]
    if stage in {old, ""}:
        return {}, ()
    if old and not by_hand and RANKS.get(stage, 0) < RANKS.get(old, 0):
        return {}, ("lifecyclestage",)
    values = {
        f"hs_lifecyclestage_{stage}_date": iso(at),
        f"hs_date_entered_{stage}": iso(at),
    }
    if old:
        values[f"hs_date_exited_{old}"] = iso(at)
    return {name: value for name, value in values.items() if stage in RANKS}, ()


def _deal(
    before: Mapping[str, str], new: Mapping[str, str], *, at: int, stage: Stage
) -> dict[str, str]:
    after = {**before, **new}
    values = {}
    if not after.get("pipeline"):
        values["pipeline"] = "default"
    found = stage(after.get("pipeline") or "default", after.get("dealstage") or "")
    amount = after.get("amount") or ""
    if amount:
        values["amount_in_home_currency"] = amount
    if found is None:
        return values
    probability, closed = found
    won = closed and probability >= 1
    values |= {
        "hs_is_closed": _flag(closed),
        "hs_is_closed_won": _flag(won),
        "hs_is_closed_lost": _flag(closed and not won),
        "hs_deal_stage_probability": str(probability),
    }
    if amount:
        values["hs_projected_amount"] = _plain(float(amount) * probability)
        values["hs_closed_amount"] = amount if won else "0"
    if closed and not after.get("closedate"):
        values["closedate"] = iso(at)
    return values


def _flag(truth: object) -> str:
    return "true" if truth else "false"


def _plain(number: float) -> str:
    return str(int(number)) if number.is_integer() else repr(number)
