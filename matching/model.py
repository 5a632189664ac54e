"""What agreement is worth: a Fellegi-Sunter model with term frequencies, as a readable file.

For each level of each comparison `m` is how often one person's two records reach it, `u` how
often two different people's do; its weight is log2(m / u). Weights are added to the prior. Two
alternatives to "the same person" share circumstances by nature and are weighed against it: a
relative (name, address, telephone, employer) and a colleague (employer, telephone, place). Only
what is personal speaks against them, so that a household or a switchboard never adds up to a
person.

Training (`matching.training`) replaces m, u, prior and frequencies; the defaults are sound on
their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from math import log2
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.comparisons import COMPARISONS, FAMILY, GIVEN, Compared
from matching.normalise import Person

Floats = NDArray[np.float64]

_MAX_ADJUSTMENT = 10.0


@dataclass(frozen=True, slots=True)
class Level:
    """One level: its name, m and u."""

    name: str
    m: float
    u: float

    @property
    def weight(self) -> float:
        """log2(m / u): bits for (positive) or against (negative) one person."""
        return log2(self.m / self.u)


@dataclass(frozen=True, slots=True)
class Frequencies:
    """How common values are: the common ones by name, every other one at `rest`; a rest of 0
    leaves the others at their level's u.

    Values of `phone` are hashed, the others stand as they are.
    """

    common: Mapping[str, float]
    rest: float


@dataclass(frozen=True, slots=True)
class Alternative:
    """Somebody near the person. `odds` is log2 of how many matches there are for one such pair;
    `email`, `phone` and `given` are how often two such people share an address, a number, a name.
    """

    name: str
    odds: float
    email: float
    phone: float
    given: float

    @property
    def personal(self) -> tuple[str, ...]:
        """What else tells two such people apart: all that their nearness does not explain."""
        return _PERSONAL[self.name]


_PERSONAL = {
    "relative": ("birth_date", "title"),
    "colleague": ("family", "name_order", "birth_date", "title"),
}
# Assumed: one relative for eight matches, four colleagues for one match; how often they share.
RELATIVE = Alternative("relative", 3.0, email=0.03, phone=0.5, given=0.01)
COLLEAGUE = Alternative("colleague", -2.0, email=0.002, phone=0.3, given=0.001)


@dataclass(frozen=True)
class Model:
    """Comparisons with m and u, prior, term frequencies and how the numbers came about.

    `prior` is log2 odds that two records taken at random are one person's. `namesakes` is by how
    many bits two people share their full name more often than chance would have it: given and
    family names run together in families and peoples. `version` names the content.
    """

    prior: float
    comparisons: Mapping[str, tuple[Level, ...]]
    frequencies: Mapping[str, Frequencies] = field(default_factory=dict)
    namesakes: float = 1.0
    relative: Alternative = RELATIVE
    colleague: Alternative = COLLEAGUE
    trained: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def version(self) -> str:
        """A short name of the content: equal models have equal versions."""
        body = {key: value for key, value in _as_json(self).items() if key != "trained"}
        text = json.dumps(body, sort_keys=True, ensure_ascii=True)
        return "m-" + blake2b(text.encode(), digest_size=6).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Readable JSON; `from_json` is its inverse."""
        return {"version": self.version, **_as_json(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Model:
        """The model `to_json` wrote. Raises ValueError when it is not one of this release's."""
        try:
            found = _from_json(data)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a model file: {error!r}") from error
        for comparison in COMPARISONS:
            names = tuple(level.name for level in found.comparisons.get(comparison.name, ()))
            if names != comparison.levels:
                raise ValueError(f"not a model of this release: levels of {comparison.name}")
        return found

    def weigh(self, compared: Compared) -> Weighed:
        """Weights of all pairs at once."""
        return _weigh(self, compared)


@dataclass(frozen=True)
class Weighed:
    """For n pairs: per comparison the level's weight and the frequency adjustment, then the
    corrections for namesakes, and for relatives and colleagues, and the total. prior + weights +
    adjustments + corrections = total, in bits.
    """

    weights: Mapping[str, Floats]
    adjustments: Mapping[str, Floats]
    namesakes: Floats
    correction: Floats
    total: Floats


def _weigh(model: Model, compared: Compared) -> Weighed:
    weights, adjustments = {}, {}
    plain = np.full(len(compared), model.prior)
    for comparison in COMPARISONS:
        levels = model.comparisons[comparison.name]
        table = np.array([0.0, *(level.weight for level in levels)])
        codes = compared.codes[comparison.name]
        weights[comparison.name] = table[codes]
        adjustments[comparison.name] = _adjust(model, comparison.name, compared)
        plain = plain + weights[comparison.name] + adjustments[comparison.name]
    named = -model.namesakes * _named_alike(compared)
    plain = plain + named
    against = [plain]
    for alternative in (model.relative, model.colleague):
        personal = _personal(model, compared, alternative, weights, adjustments)
        against.append(alternative.odds + personal)
    total = -np.logaddexp2.reduce([-odds for odds in against], axis=0)
    return Weighed(weights, adjustments, named, total - plain, total)


def _named_alike(compared: Compared) -> Floats:
    """1.0 where given and family name both agree, as spelt or as a nickname, else 0.0."""
    given, family = compared.codes["given"], compared.codes["family"]
    alike = (given > 0) & (given <= GIVEN.code("nickname")) & (family > 0)
    return np.asarray(alike & (family <= FAMILY.code("typo")), dtype=np.float64)


def _personal(
    model: Model,
    compared: Compared,
    near: Alternative,
    weights: Mapping[str, Floats],
    adjustments: Mapping[str, Floats],
) -> Floats:
    """Bits for one person against two people who are near each other in this way."""
    odds = _shared(model, compared, "email", near.email)
    odds = odds + _shared(model, compared, "phone", near.phone)
    given = weights["given"] + adjustments["given"]
    odds = odds + np.minimum(given, log2(model.comparisons["given"][0].m / near.given))
    for name in near.personal:
        odds = odds + weights[name] + adjustments[name]
    return odds


def likelihoods(model: Model, compared: Compared) -> tuple[Floats, Floats, Floats]:
    """Bits against strangers, without any prior: for one person, relatives, colleagues."""
    weighed = _weigh(model, compared)
    match = weighed.total - weighed.correction - model.prior
    parts = weighed.weights, weighed.adjustments
    relative = match - _personal(model, compared, model.relative, *parts)
    return match, relative, match - _personal(model, compared, model.colleague, *parts)


def _shared(model: Model, compared: Compared, name: str, share: float) -> Floats:
    """Weight of an identifier against people who share it in `share` of the cases.

    An address at an employer is shared far less often than a family's at home.
    """
    levels = model.comparisons[name]
    table = [0.0]
    for level in levels:
        shares = {"exact": share if name == "phone" else share / 20, "exact_free": share}
        u = max(level.u, shares.get(level.name, share if level.name == "national" else 0.0))
        table.append(log2(max(level.m, 1e-6) / u))
    return np.array(table)[compared.codes[name]]


def _adjust(model: Model, name: str, compared: Compared) -> Floats:
    """How much rarer or commoner the agreed value is than agreement in general, in bits."""
    result = np.zeros(len(compared))
    frequencies = model.frequencies.get(name)
    if frequencies is None:
        return result
    levels = model.comparisons[name]
    codes = compared.codes[name]
    for i, value in enumerate(compared.values[name]):
        common = frequencies.common.get(term(name, value), frequencies.rest) if value else 0.0
        if common:
            bits = log2(levels[codes[i] - 1].u / common)
            result[i] = min(max(bits, -_MAX_ADJUSTMENT), _MAX_ADJUSTMENT)
    return result


def term(name: str, value: str) -> str:
    """The name of a value in a frequency table; telephone numbers are hashed."""
    if name == "phone":
        return blake2b(value.encode(), digest_size=8).hexdigest()
    return value


# --- defaults -----------------------------------------------------------------------------------

# Assumed: rounded from what is commonly seen in contact data; training replaces them.
_DEFAULTS: dict[str, tuple[tuple[float, float], ...]] = {
    "email": ((0.45, 1e-7), (0.10, 1e-7), (0.05, 2e-5), (0.03, 1e-5), (0.09, 0.03), (0.28, 0.97)),
    "phone": ((0.50, 2e-5), (0.05, 2e-5), (0.04, 1e-3), (0.41, 0.999)),
    "given": (
        (0.80, 0.008),
        (0.05, 0.001),
        (0.06, 0.002),
        (0.03, 0.012),
        (0.02, 0.02),
        (0.01, 0.06),
        (0.03, 0.897),
    ),
    "family": ((0.88, 0.002), (0.05, 0.001), (0.02, 0.008), (0.01, 0.0005), (0.04, 0.9885)),
    "name_order": ((0.98, 0.98), (0.02, 0.98)),
    "birth_date": ((0.88, 5e-5), (0.07, 0.001), (0.02, 0.017), (0.03, 0.98)),
    "employer": ((0.45, 0.002), (0.12, 0.002), (0.15, 0.002), (0.06, 0.003), (0.22, 0.991)),
    "street": ((0.50, 1e-4), (0.25, 0.0015), (0.12, 0.02), (0.13, 0.98)),
    "title": ((0.45, 0.01), (0.15, 0.02), (0.40, 0.97)),
    "place": ((0.55, 0.003), (0.08, 0.003), (0.17, 0.02), (0.08, 0.02), (0.12, 0.95)),
}
_DEFAULT_PRIOR = -13.0


def default_model() -> Model:
    """The model before anything was learned: cautious prior, general m and u, no frequencies."""
    return Model(
        prior=_DEFAULT_PRIOR,
        comparisons=MappingProxyType(
            {
                comparison.name: tuple(
                    Level(name, m, u)
                    for name, (m, u) in zip(
                        comparison.levels, _DEFAULTS[comparison.name], strict=True
                    )
                )
                for comparison in COMPARISONS
            }
        ),
    )


def train(
    left: Sequence[Person],
    right: Sequence[Person],
    pairs: Sequence[tuple[int, int]],
    *,
    seed: int = 1,
) -> Model:
    """A model learned without labels from the user's own people.

    `pairs` are blocked candidates (left[i], right[j]); to learn from one set, pass it twice with
    i != j. The same input and seed give the same model. Where there is too little to learn from,
    the result is `default_model()`; where learning collapses, the defaults classify instead and
    `trained` says so. Loads recordlinkage (seconds) on first use.
    """
    from matching.training import fit

    return fit(left, right, pairs, seed=seed)


def with_levels(model: Model, name: str, levels: tuple[Level, ...]) -> Model:
    """The model with one comparison's levels replaced."""
    return replace(model, comparisons={**model.comparisons, name: levels})


def _as_json(model: Model) -> dict[str, Any]:
    return {
        "prior": model.prior,
        "namesakes": model.namesakes,
        "comparisons": {
            name: [{"level": level.name, "m": level.m, "u": level.u} for level in levels]
            for name, levels in model.comparisons.items()
        },
        "frequencies": {
            name: {"rest": table.rest, "common": dict(table.common)}
            for name, table in model.frequencies.items()
        },
        "alternatives": {
            one.name: {
                "odds": one.odds,
                "email": one.email,
                "phone": one.phone,
                "given": one.given,
            }
            for one in (model.relative, model.colleague)
        },
        "trained": dict(model.trained),
    }


def _from_json(data: Mapping[str, Any]) -> Model:
    return Model(
        prior=float(data["prior"]),
        namesakes=float(data["namesakes"]),
        comparisons={
            name: tuple(Level(one["level"], float(one["m"]), float(one["u"])) for one in levels)
            for name, levels in data["comparisons"].items()
        },
        frequencies={
            name: Frequencies(dict(table["common"]), float(table["rest"]))
            for name, table in data["frequencies"].items()
        },
        relative=Alternative("relative", **data["alternatives"]["relative"]),
        colleague=Alternative("colleague", **data["alternatives"]["colleague"]),
        trained=dict(data["trained"]),
    )
