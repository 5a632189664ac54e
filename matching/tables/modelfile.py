"""A learned model as readable JSON, and back.

`matches_per_row` and the odds of near people are counted for each match, so that a model learned
on one table can be read beside another's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import numpy as np

from matching.tables.frame import Frame
from matching.tables.kinds import KINDS
from matching.tables.mixture import CHANGED, Floats, Learned

FORMAT = 1
_DIGITS = 9
_MOST = 1.0 + 1e-6
"""A share at most: rounding may lift one a little above 1."""


def as_json(frame: Frame, learned: Learned) -> dict[str, Any]:
    """Fields with their levels, m, u and weight in bits, near people, how often matches occur.

    `version` names the content: equal models have equal versions.
    """
    kinds = {feature.name: feature.kind.name for feature in frame.features}
    return versioned(body_of(kinds, learned))


def body_of(kinds: Mapping[str, str], learned: Learned) -> dict[str, Any]:
    """A model's content without its version; `kinds` are its fields' kinds."""
    return {
        "match": float(learned.match),
        "fields": {
            name: {
                "kind": kind,
                "shared_by_chance": round(learned.rare.get(name, 1.0), 6),
                "levels": _levels(KINDS[kind].levels, learned.m[name], learned.u[name]),
            }
            for name, kind in kinds.items()
        },
        "changed": {what: float(share) for what, share in learned.changed.items()},
        "near": {
            who: {
                "odds": float(learned.odds[who]),
                "shares": {name: _rounded(shares) for name, shares in free.items()},
            }
            for who, free in learned.near.items()
        },
    }


def versioned(body: Mapping[str, Any]) -> dict[str, Any]:
    """The file of a content: equal contents have equal versions."""
    text = json.dumps(body, sort_keys=True)
    version = "m-" + blake2b(text.encode(), digest_size=6).hexdigest()
    return {"format": FORMAT, "version": version, **body}


def _levels(names: tuple[str, ...], m: Floats, u: Floats) -> list[dict[str, Any]]:
    bits = np.log2(m / u)
    return [
        {"level": name, "m": float(a), "u": float(b), "bits": round(float(w), 3)}
        for name, a, b, w in zip(names, m, u, bits, strict=True)
    ]


def _rounded(shares: Floats) -> list[float]:
    return [round(float(share), _DIGITS) for share in shares]


def from_json(data: Mapping[str, Any]) -> Learned:
    """The model a file holds. Raises ValueError where it is none of this release's."""
    if data.get("format") != FORMAT or not isinstance(data.get("fields"), Mapping):
        raise ValueError("not a model of this release")
    try:
        return _read(data)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a model file: {error!r}") from error


def _read(data: Mapping[str, Any]) -> Learned:
    fields = data["fields"]
    for name, one in fields.items():
        levels = tuple(level["level"] for level in one["levels"])
        if one["kind"] not in KINDS or levels != KINDS[one["kind"]].levels:
            raise ValueError(f"not a model of this release: levels of {name}")
    for who, one in data["near"].items():
        sizes = {name: len(shares) for name, shares in one["shares"].items()}
        if any(size != len(fields[name]["levels"]) for name, size in sizes.items()):
            raise ValueError(f"not a model of this release: shares of {who}")
    if not set(data["changed"]) <= set(CHANGED):
        raise ValueError("not a model of this release: what changes together")
    return Learned(
        match=_share(data["match"]),
        m={name: _array(one["levels"], "m") for name, one in fields.items()},
        u={name: _array(one["levels"], "u") for name, one in fields.items()},
        near={
            who: {
                name: np.array([_share(share) for share in shares], dtype=np.float64)
                for name, shares in one["shares"].items()
            }
            for who, one in data["near"].items()
        },
        odds={who: _share(one["odds"]) for who, one in data["near"].items()},
        changed={what: _share(share) for what, share in data["changed"].items()},
        rare={name: _share(one["shared_by_chance"]) for name, one in fields.items()},
    )


def _array(levels: list[Mapping[str, Any]], name: str) -> Floats:
    return np.array([_share(level[name]) for level in levels], dtype=np.float64)


def _share(value: Any) -> float:
    found = float(value)
    if not 0.0 < found <= _MOST:
        raise ValueError(f"not a model file: {found} is no share")
    return found
