"""Whatever a value holds, the shape of a query is ours: judged by a parser that shares no code."""

from __future__ import annotations

from urllib.parse import quote_plus

from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.salesforce_soql import URI_BYTES, in_conditions, literal, room_beside, select
from sandbox.salesforce.soql import ast
from sandbox.salesforce.soql.parser import parse

HOSTILE = "'\"\\%_()=<>, \n\r\tnrtbfORAND;-/*:0\u202e\U0001f642\x00\x07"
METACHARACTERS = st.text(alphabet=HOSTILE, max_size=30)
VALUES = st.lists(st.text(max_size=60) | METACHARACTERS, min_size=1, max_size=6, unique=True)
FIELDS = ("Id", "LastName", "Email")


@given(values=VALUES)
@example(values=["') OR Id != ('"])
@example(values=["\\' OR Name LIKE '%"])
@example(values=["x\\"])
@settings(deadline=None)
def test_a_look_up_asks_for_exactly_its_values(values: list[str]) -> None:
    """The vendor reads one object, our fields, and one list that holds our values and nothing
    else, spread over as many queries as they need."""
    read: list[object] = []
    room = room_beside(select(FIELDS, "Lead"))
    for where in in_conditions("LastName", values, room=room):
        query = parse(select(FIELDS, "Lead", where=where))
        assert (query.sobject, query.order_by, query.limit) == ("Lead", (), None)
        assert [one.path for one in query.items if isinstance(one, ast.Column)] == [
            (name,) for name in FIELDS
        ]
        assert isinstance(query.where, ast.Member)
        assert (query.where.path, query.where.negated) == (("LastName",), False)
        read += [one.value for one in query.where.values]
    assert read == values


@given(text=st.text(max_size=80) | METACHARACTERS)
@settings(deadline=None)
def test_a_compared_value_is_one_literal(text: str) -> None:
    """Beside another condition, too: what stands behind the value is still ours."""
    where = f"Email = {literal(text)} AND IsConverted = false"
    query = parse(select(("Id",), "Lead", where=where, order="Id DESC"))
    assert isinstance(query.where, ast.Both)
    first = query.where.parts[0]
    assert isinstance(first, ast.Compared)
    assert first.value.value == text
    assert len(query.order_by) == 1


@given(values=st.lists(st.text(min_size=1, max_size=400), min_size=1, max_size=80, unique=True))
@settings(deadline=None, max_examples=30)
def test_no_condition_is_longer_than_a_request_may_be(values: list[str]) -> None:
    """However many values, each request's URI stays within what the vendor takes."""
    base = select(FIELDS, "Lead")
    for where in in_conditions("LastName", values, room=room_beside(base)):
        assert len(quote_plus(f"{base} WHERE {where}")) <= URI_BYTES + 500
