"""Amounts of money: whole minor units with an ISO 4217 currency, and dated rates between them.

Nothing here is a float. An amount that is shared out always adds up to what was shared (largest
remainder), and an amount in another currency is converted at the rate of a stated day or not at
all: where no rate is known the answer is None, and the caller counts it as such.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from fractions import Fraction

from mappings.records import Json

_DIGITS: Mapping[str, int] = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}
"""Digits after the point where they are not 2 (ISO 4217, list one, "minor unit")."""

_LARGEST = Decimal(10) ** 15
"""More than any deal; beyond it an amount is a typing error and not counted."""


def minor_digits(currency: str) -> int:
    """How many digits after the point a currency's amounts have."""
    return _DIGITS.get(currency, 2)


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount: whole minor units (cents, yen, fils) of one currency."""

    minor: int
    currency: str

    def __str__(self) -> str:
        digits = minor_digits(self.currency)
        return f"{Decimal(self.minor).scaleb(-digits):,.{digits}f} {self.currency}"

    @classmethod
    def parse(cls, value: Json, currency: str) -> Money | None:
        """The amount a vendor shows (text or number), rounded half to even at the currency's
        last digit; None where it is blank or no amount.
        """
        try:
            amount = Decimal(str(value).strip())
        except InvalidOperation:
            return None
        if not amount.is_finite() or abs(amount) > _LARGEST:
            return None
        return cls(_whole(amount.scaleb(minor_digits(currency))), currency)

    @property
    def text(self) -> str:
        """Plain decimal text without the currency, as vendors take it."""
        digits = minor_digits(self.currency)
        return f"{Decimal(self.minor).scaleb(-digits):.{digits}f}"


def _whole(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def allocate(total: int, weights: Sequence[Fraction]) -> list[int]:
    """Whole shares of `total` in proportion to `weights`, adding up to it exactly.

    What rounding leaves over goes to the largest remainders, of equal ones to the first. Weights
    are not negative; where all are zero the shares are equal. No weights give no shares.
    """
    if not weights:
        return []
    whole = sum(weights, Fraction(0))
    parts = [Fraction(1, len(weights)) if whole == 0 else weight / whole for weight in weights]
    sign = -1 if total < 0 else 1
    exact = [part * abs(total) for part in parts]
    shares = [int(share) for share in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: (shares[i] - exact[i], i))
    for i in by_remainder[: abs(total) - sum(shares)]:
        shares[i] += 1
    return [sign * share for share in shares]


@dataclass(frozen=True, slots=True)
class Rates:
    """Dated exchange rates into one reporting currency.

    `quotes` maps a currency to its (day, units of the reporting currency for one unit), in order
    of the day. The rate of a day is the latest quote on or before it.
    """

    reporting: str
    quotes: Mapping[str, Sequence[tuple[date, Decimal]]]

    def convert(self, money: Money, on: date) -> Money | None:
        """The amount in the reporting currency at that day's rate; None where no rate is known."""
        if money.currency == self.reporting:
            return money
        known = self.quotes.get(money.currency, ())
        position = bisect_right([day for day, _ in known], on)
        if position == 0:
            return None
        major = Decimal(money.minor).scaleb(-minor_digits(money.currency)) * known[position - 1][1]
        return Money(_whole(major.scaleb(minor_digits(self.reporting))), self.reporting)
