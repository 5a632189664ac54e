"""Frames: what several columns or several values of one field come to, and how often it occurs."""

from __future__ import annotations

import numpy as np
import pytest

from matching.tables.build import build
from matching.tables.frame import Feature, Frame, compare
from matching.tables.layout import Columns, lay_out
from matching.tables.mixture import compared


def _frame(left: Columns, right: Columns | None = None) -> Frame:
    return build(left, right, lay_out(left, right))


def _feature(frame: Frame, name: str) -> Feature:
    found = frame.feature(name)
    assert found is not None
    return found


def _level(frame: Frame, name: str, one: int, other: int) -> str:
    feature = _feature(frame, name)
    code = int(compare(feature, np.array([one]), np.array([other]))[0])
    return feature.kind.levels[code - 1] if code else ""


def test_a_national_number_is_read_in_its_records_country() -> None:
    """One number written three ways is one number, where the row says in which country it is."""
    frame = _frame(
        {
            "phone": ["030 901820", "+49 30 901820", "030 901820"],
            "country": ["Germany", "", "France"],
            "last_name": ["Ash", "Oak", "Elm"],
        }
    )
    phone = _feature(frame, "phone")
    assert phone.rows[0] == phone.rows[1] != phone.rows[2]


def test_a_national_number_is_read_in_the_country_most_numbers_name() -> None:
    """Where rows name no country, the column's international numbers tell."""
    numbers = ["02 9374 4000", "+61 2 9374 4000", "+61 2 9374 4001", "+44 20 7946 0018"]
    phone = _feature(
        _frame({"phone": numbers, "name": ["Al Ash", "Bo Oak", "Cy Elm", "Di Fir"]}), "phone"
    )
    assert phone.rows[0] == phone.rows[1]


def test_a_number_is_left_as_it_is_where_nothing_tells_its_country() -> None:
    """Without any country the digits stand as they are, and still agree with themselves."""
    frame = _frame({"phone": ["02 9374 4000", "0293744000"], "name": ["Al Ash", "Bo Oak"]})
    assert _feature(frame, "phone").values.all == [("0293744000",)]


def test_one_of_several_addresses_is_enough() -> None:
    """The best of all pairs of two people's addresses decides, whichever column it stands in."""
    frame = _frame(
        {
            "email": ["a@ash.com", "x9@old.org", ""],
            "email2": ["x9@old.org", "", "q7@new.org"],
            "last_name": ["Ash", "Ash", "Ash"],
        }
    )
    assert _level(frame, "email", 0, 1) == "exact"
    assert _level(frame, "email", 0, 2) == "different"


def test_a_value_counts_as_the_rows_that_carry_it() -> None:
    """An address in any of a row's columns is carried by that row, whatever else it has."""
    frame = _frame(
        {
            "email": ["desk77@ash.com", "b@oak.com", "c@elm.com", "d@fir.com"],
            "email2": ["", "desk77@ash.com", "desk77@ash.com", ""],
            "last_name": ["Ash", "Oak", "Elm", "Fir"],
        }
    )
    pairs = compared(frame, np.array([0, 1, 2]), np.array([1, 2, 3]))
    assert pairs.carried["email"].tolist() == [3, 3, 0]


@pytest.mark.parametrize("name", ["given", "phone", "employer"])
def test_which_row_comes_first_changes_nothing(name: str) -> None:
    """Levels and counts of a pair are the same both ways, also where values agree unequally."""
    frame = _frame(
        {
            "first_name": ["Jörg", "Joerg", "Joerg", "Jo"],
            "last_name": ["Ash", "Ash", "Oak", "Ash"],
            "phone": ["030 901820", "+49 30 901820", "+49 30 901820", ""],
            "company": ["Ash", "Ash Europe", "Ash", ""],
            "website": ["ash.com", "ash.com", "oak.com", "ash.com"],
        }
    )
    one, other = np.triu_indices(4, 1)
    there, back = compared(frame, one, other), compared(frame, other, one)
    assert there.codes[name].tolist() == back.codes[name].tolist()
    assert there.carried[name].tolist() == back.carried[name].tolist()


def test_a_table_of_family_names_alone_keeps_both_words() -> None:
    """Where no column holds given names a family name of two words is one: García López."""
    family = _feature(_frame({"apellidos": ["García López", "García Ruiz"], "ciudad": ["a", "b"]}),
                      "family")  # fmt: skip
    assert family.values.all == ["garcia lopez", "garcia ruiz"]
