"""How `leadloop status` shows what is wrong: lines for a person, in the order they are needed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

AGES = {
    "1m": "younger than a minute",
    "10m": "than ten minutes",
    "1h": "than an hour",
    "1d": "than a day",
    "older": "older than a day",
}


def account_lines(found: Mapping[str, Any]) -> list[list[str]]:
    """One row per vendor account: how it stands, and its calls of the day."""
    return [[f"vendor {one['system']}", _account(one)] for one in found["quota"]]


def waiting_lines(found: Mapping[str, Any]) -> list[list[str]]:
    """One row per system and lane with writes that wait, and one for what is to come."""
    rows = [[f"waits for {one['system']}", _deferred(one)] for one in found["deferred"]]
    rows += [
        [f"due: {kind}", f"{one['count']:,}, the first at {_at(one['first_at'])}"]
        for kind, one in found["due"].items()
    ]
    return rows


def trouble_lines(found: Mapping[str, Any]) -> list[str]:
    """What is wrong, since when and what to do, a few lines each."""
    lines: list[str] = []
    for one in found["troubles"]:
        since = f" since {_at(one['since'])}" if one["since"] else ""
        lines.append(f"! {one['what']} [{one['code']}]{since}")
        lines.append(f"  {one['remedy']}")
        if one["not_told"]:
            lines.append("  Nobody could be told: try `leadloop doctor --test-alert`.")
    if found["troubles"] and not found["told"]:
        lines.append(
            "Nobody is called about this: add addresses under `notifications:` in config.yaml."
        )
    return lines


def _account(one: Mapping[str, Any]) -> str:
    parts = [_standing(one)]
    if one["daily_limit"]:
        left = "" if one["our_left"] is None else f", {one['our_left']:,} left of our share"
        known = one["daily_used"] is not None
        used = f"{one['daily_used']:,} of " if known else "not known how many of "
        parts.append(f"{used}{one['daily_limit']:,} calls {'used' if known else 'are used'}{left}")
    if one["lanes_waiting"]:
        parts.append(f"{', '.join(one['lanes_waiting'])} wait")
    if one["tried_again_at"]:
        parts.append(f"tried again at {_at(one['tried_again_at'])}")
    return "; ".join(parts)


def _deferred(one: Mapping[str, Any]) -> str:
    """How many writes of a lane wait, how long, why and until when."""
    old = ", ".join(f"{n:,} {AGES[age]}" for age, n in one["by_age"].items() if n)
    why = "goes with the next run"
    if one["why"]:
        until = f" until {_at(one['until'])}" if one["until"] else ""
        why = f"kept by {one['why']}{until}"
    return f"{one['count']:,} {one['lane']} ({old}); {why}"


def _standing(one: Mapping[str, Any]) -> str:
    """How the account stands; calls that have failed show before they are enough to rest it."""
    failing = one["failures"]
    since = ""
    if failing:
        number = f"{failing:,} failure{'' if failing == 1 else 's'}"
        since = f"{number} since {_at(one['failing_since'])}" if one["failing_since"] else number
    if one["circuit"] == "ok":
        return f"{since} [{one['code']}]" if since else "ok"
    why = f"{one['circuit']}: {one['code']}"
    return f"{why}, {since}" if since else why


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
