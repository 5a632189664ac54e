"""The numbers of a model before anything was learned.

Assumed: rounded from what is commonly seen in contact data; learning replaces them as soon as
there are people enough. Each field has a share for each level, the strongest first: `m` among
records of one person, `u` among two strangers, and among people who are near each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from matching.people import KIND_OF
from matching.tables.kinds import KINDS
from matching.tables.mixture import NEAR, Floats, Learned

_PRIOR = 2.0**-13
_U: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "given": (0.008, 1e-4, 0.003, 0.004, 0.02, 0.002, 0.963),
        "family": (0.002, 0.001, 0.008, 5e-4, 0.9885),
        "middle": (0.03, 0.05, 0.05, 0.87),
        "birth_date": (5e-5, 5e-4, 0.003, 0.03, 0.966),
        "email": (1e-7, 1e-7, 1e-6, 1e-5, 1e-4, 0.02, 0.98),
        "phone": (2e-5, 1e-4, 1e-4, 0.9998),
        "employer": (0.002, 5e-4, 0.001, 0.003, 0.9935),
        "title": (0.02, 0.01, 0.05, 0.92),
        "street": (1e-4, 5e-4, 0.001, 0.01, 0.9884),
        "place": (0.003, 0.001, 0.02, 0.01, 0.01, 0.1, 0.856),
    }
)
_SHARED: Mapping[str, Mapping[str, tuple[float, ...]]] = MappingProxyType(
    {
        "relative": {
            "email": (0.02, 0.0, 0.0, 0.01, 0.0, 0.07, 0.9),
            "phone": (0.5, 0.03, 0.03, 0.44),
        },
        "colleague": {"phone": (0.3, 0.15, 0.05, 0.5)},
        "kin at work": {"phone": (0.3, 0.15, 0.05, 0.5)},
    }
)
"""Where people near each other share less than records of one person do."""
_ODDS = MappingProxyType(
    {"relative": 1 / 8, "twin": 0.002, "colleague": 4.0, "kin at work": 0.02, "namesake": 0.1}
)
"""Pairs of people near each other, for each match: colleagues outnumber it."""
_CHANGED = MappingProxyType({"moved": 0.05, "new job": 0.05})
_LEAST = 1e-7


def learned() -> Learned:
    """The default numbers, for every field of a person."""
    m = {name: _shares(KINDS[kind].m) for name, kind in KIND_OF.items()}
    near = {
        who: {
            name: _shares(_SHARED.get(who, {}).get(name, KINDS[KIND_OF[name]].m))
            for name in sorted(fields & set(KIND_OF))
        }
        for who, fields in NEAR.items()
    }
    return Learned(
        match=_PRIOR,
        m=m,
        u={name: _shares(shares) for name, shares in _U.items()},
        near=near,
        odds={who: share * _PRIOR for who, share in _ODDS.items()},
        rare=dict.fromkeys(KIND_OF, 1.0),
        changed=dict(_CHANGED),
    )


def _shares(shares: tuple[float, ...]) -> Floats:
    found = np.maximum(np.array(shares, dtype=np.float64), _LEAST)
    return np.asarray(found / found.sum())
