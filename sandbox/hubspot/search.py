"""CRM search: filters checked as the vendor checks them, answered from the indexes.

Matching runs on what the search index has seen (`Record.seen`); the properties returned are the
stored ones, as recorded traffic shows. An archived record the index still holds counts in
`total` but is not returned [R]. Limits are those of FACTS section 2, Search.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from sandbox.hubspot.errors import validation
from sandbox.hubspot.properties import Property
from sandbox.hubspot.store import ObjectStore, Record, Values
from sandbox.hubspot.times import iso, parse_date, parse_ms

MAX_GROUPS = 5
MAX_FILTERS = 6
MAX_FILTERS_IN_ALL = 18
MAX_PAGE = 200
MAX_RESULTS = 10_000
MAX_BODY = 3_000

Test = Callable[[Record, Values], bool]
Associated = Callable[[str, int], frozenset[int]]
"""(object type, id) -> ids of this store's records associated with it"""

_RANGES = frozenset({"GT", "GTE", "LT", "LTE", "BETWEEN"})
_OPERATORS = _RANGES | {
    "EQ", "NEQ", "IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN",
    "NOT_CONTAINS_TOKEN",
}  # fmt: skip
_TOKENS = re.compile(r"[^\W_]+")
_PATTERNS = re.compile(r"[^\W_*]*[*\w]+")


@dataclass(frozen=True)
class Filter:
    """One checked filter: its test, and what an index can do for it."""

    test: Test
    name: str
    exact: tuple[str, ...] | None = None
    low: str | None = None
    high: str | None = None


@dataclass(frozen=True)
class Query:
    """One checked search."""

    groups: tuple[tuple[Filter, ...], ...]
    sort: tuple[str, bool] | None
    properties: tuple[str, ...] | None
    limit: int
    offset: int
    words: str


@dataclass(frozen=True)
class Page:
    """What a search found: exact total, the records of this page, the next offset."""

    total: int
    records: list[Record]
    after: int | None


def parse(store: ObjectStore, body: Mapping[str, Any], associated: Associated) -> Query:
    """Check a search body; 400 VALIDATION_ERROR in the vendor's way."""
    groups = _groups(body)
    sizes = [len(group) for group in groups]
    if len(groups) > MAX_GROUPS or any(size > MAX_FILTERS for size in sizes):
        raise validation(
            f"At most {MAX_GROUPS} filter groups of {MAX_FILTERS} filters each are allowed."
        )
    if sum(sizes) > MAX_FILTERS_IN_ALL:
        raise validation(f"At most {MAX_FILTERS_IN_ALL} filters are allowed in one search.")
    limit, offset = _paging(body)
    properties = body.get("properties")
    if properties is not None and not isinstance(properties, list):
        raise validation("Invalid input JSON: properties must be a list.")
    return Query(
        groups=tuple(tuple(_filter(store, raw, associated) for raw in group) for group in groups),
        sort=_sort(store, body.get("sorts") or []),
        properties=tuple(str(name) for name in properties) if properties else None,
        limit=limit,
        offset=offset,
        words=str(body.get("query") or "").lower().strip(),
    )


def run(store: ObjectStore, query: Query) -> Page:
    """Answer a checked search."""
    ids = _keyset(store, query)
    window = slice(query.offset, query.offset + query.limit)
    if ids is None:
        found = _matches(store, query)
        total, page = len(found), found[window]
    else:
        total, page = len(ids), [store.live[record_id] for record_id in ids[window]]
    reached = query.offset + len(page)
    return Page(
        total=total,
        records=[record for record in page if record.archived_at is None],
        after=reached if reached < total else None,
    )


def matching(store: ObjectStore, query: Query) -> list[Record]:
    """Every live record a checked search matches."""
    return [record for record in _matches(store, query) if record.archived_at is None]


def _groups(body: Mapping[str, Any]) -> list[list[Mapping[str, Any]]]:
    """The filters of each group; top-level `filters` are a group of their own."""
    groups = body.get("filterGroups") or []
    if body.get("filters"):
        groups = [*groups, {"filters": body["filters"]}]
    found = []
    for group in groups:
        filters = (group.get("filters") or []) if isinstance(group, Mapping) else None
        if not isinstance(filters, list) or not all(isinstance(e, Mapping) for e in filters):
            raise validation("Invalid input JSON: filterGroups must hold lists of filters.")
        found.append(filters)
    return found


def _paging(body: Mapping[str, Any]) -> tuple[int, int]:
    try:
        limit = int(body.get("limit") or 10)
        offset = int(body.get("after") or 0)
    except (TypeError, ValueError):
        raise validation("limit and after must be integers.") from None
    if not 1 <= limit <= MAX_PAGE:
        raise validation(f"limit must be between 1 and {MAX_PAGE}.")
    if offset < 0 or offset + limit > MAX_RESULTS:
        raise validation(
            f"Paging past {MAX_RESULTS} results is not supported. Narrow the search by filters."
        )
    return limit, offset


def _sort(store: ObjectStore, sorts: list[Any]) -> tuple[str, bool] | None:
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise validation("Only one sort is allowed.")
    if not sorts:
        return None
    first = sorts[0]
    if isinstance(first, str):
        name, descending = first.removeprefix("-"), first.startswith("-")
    else:
        given = first if isinstance(first, Mapping) else {}
        name = str(given.get("propertyName", ""))
        descending = str(given.get("direction", "ASCENDING")) == "DESCENDING"
    if name not in store.book:
        raise validation(f"Property '{name}' cannot be sorted by: it does not exist.")
    return name, descending


# --- filters -------------------------------------------------------------------------------


def _filter(store: ObjectStore, raw: Mapping[str, Any], associated: Associated) -> Filter:
    name = str(raw.get("propertyName", ""))
    operator = str(raw.get("operator", ""))
    if operator not in _OPERATORS:
        raise validation(f"Unknown operator '{operator}'.")
    if name.startswith("associations."):
        return _association(name, raw, associated)
    prop = store.book.find(name)
    if prop is None:
        raise validation(f"There was a problem with the request: no property '{name}'.")
    if operator == "HAS_PROPERTY":
        return Filter(lambda _, seen: bool(seen.get(name)), name)
    if operator == "NOT_HAS_PROPERTY":
        return Filter(lambda _, seen: not seen.get(name), name)
    values = _operands(prop, operator, raw)
    if operator in _RANGES:
        return _range(prop, operator, values)
    if operator.endswith("CONTAINS_TOKEN"):
        return _token(name, values[0], negated=operator.startswith("NOT_"))
    return _membership(prop, operator, values)


def _association(name: str, raw: Mapping[str, Any], associated: Associated) -> Filter:
    values = raw.get("values") or [raw.get("value")]
    kind = name.removeprefix("associations.")
    ids = frozenset(
        found for value in values if str(value).isdigit() for found in associated(kind, int(value))
    )
    return Filter(lambda record, _: record.id in ids, name, tuple(str(i) for i in ids))


def _operands(prop: Property, operator: str, raw: Mapping[str, Any]) -> list[str]:
    if operator in {"IN", "NOT_IN"}:
        listed = raw.get("values")
        if not isinstance(listed, list) or not listed:
            raise validation(f"Operator {operator} needs a list of values.")
        given = listed
    elif operator == "BETWEEN":
        given = [raw.get("value"), raw.get("highValue")]
    else:
        given = [raw.get("value")]
    if any(value is None for value in given):
        raise validation(f"Operator {operator} on '{prop.name}' needs a value.")
    return [_operand(prop, str(value)) for value in given]


def _operand(prop: Property, text: str) -> str:
    try:
        if prop.type == "datetime":
            return iso(parse_ms(text))
        if prop.type == "date":
            return iso(parse_ms(text))[:10] if text.lstrip("-").isdigit() else parse_date(text)
        if prop.type == "number":
            float(text)
    except (ValueError, OverflowError):
        raise validation(f"'{text}' is no {prop.type} for property '{prop.name}'.") from None
    return text


def _range(prop: Property, operator: str, values: list[str]) -> Filter:
    name = prop.name
    if prop.type == "number":
        return _number_range(name, operator, [float(value) for value in values])
    first, last = values[0], values[-1]
    if operator == "GTE":
        return Filter(lambda _, s: (v := s.get(name) or "") >= first and v != "", name, low=first)
    if operator == "GT":
        return Filter(lambda _, s: (s.get(name) or "") > first, name, low=first)
    if operator == "LTE":
        return Filter(lambda _, s: "" < (s.get(name) or "") <= first, name, high=first)
    if operator == "LT":
        return Filter(lambda _, s: "" < (s.get(name) or "") < first, name, high=first)
    return Filter(lambda _, s: first <= (s.get(name) or "") <= last, name, low=first, high=last)


def _number_range(name: str, operator: str, values: list[float]) -> Filter:
    low, high = values[0], values[-1]
    compare: dict[str, Callable[[float], bool]] = {
        "GTE": lambda n: n >= low,
        "GT": lambda n: n > low,
        "LTE": lambda n: n <= low,
        "LT": lambda n: n < low,
        "BETWEEN": lambda n: low <= n <= high,
    }
    holds = compare[operator]
    if name == "hs_object_id":
        bounds = {
            "GTE": (low - 1, None), "GT": (low, None), "LTE": (None, low), "LT": (None, low - 1),
            "BETWEEN": (low - 1, high),
        }[operator]  # fmt: skip
        return Filter(
            lambda record, _: holds(record.id),
            name,
            low=None if bounds[0] is None else str(int(bounds[0])),
            high=None if bounds[1] is None else str(int(bounds[1])),
        )

    def test(_: Record, seen: Values) -> bool:
        value = _number(seen.get(name))
        return value is not None and holds(value)

    return Filter(test, name)


def _number(text: str | None) -> float | None:
    """A stored number; None for what a property held before it was retyped."""
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _token(name: str, wanted: str, *, negated: bool) -> Filter:
    patterns = _PATTERNS.findall(wanted.lower())

    def test(_: Record, seen: Values) -> bool:
        tokens = _TOKENS.findall((seen.get(name) or "").lower())
        hit = all(any(fnmatchcase(token, each) for token in tokens) for each in patterns)
        return hit != negated

    return Filter(test, name)


def _membership(prop: Property, operator: str, values: list[str]) -> Filter:
    name, negated = prop.name, operator in {"NEQ", "NOT_IN"}
    if prop.type == "number":
        numbers = {float(value) for value in values}

        def numeric(_: Record, seen: Values) -> bool:
            value = _number(seen.get(name))
            return value is not None and (value in numbers) != negated

        exact = None if negated else tuple(str(int(n)) for n in numbers if n.is_integer())
        return Filter(numeric, name, exact if name == "hs_object_id" else None)
    if prop.type in {"enumeration", "bool", "date", "datetime"}:
        chosen = set(values)

        def coded(_: Record, seen: Values) -> bool:
            value = seen.get(name)
            return bool(value) and (not chosen.isdisjoint((value or "").split(";"))) != negated

        return Filter(coded, name)
    # IN compares with what is given as it stands, so that only lower case ever matches.
    folded = {value.lower() for value in values} if operator in {"EQ", "NEQ"} else set(values)

    def text(_: Record, seen: Values) -> bool:
        value = seen.get(name)
        return bool(value) and ((value or "").lower() in folded) != negated

    return Filter(text, name, None if negated else tuple(folded))


# --- answering -----------------------------------------------------------------------------


def _keyset(store: ObjectStore, query: Query) -> list[int] | None:
    """The ids of a backfill by keyset: everything above an id, by id, no record looked at.

    None when the search is anything else, or the index still holds archived records.
    """
    if len(query.groups) != 1 or query.words or query.sort != ("hs_object_id", False):
        return None
    left = [each for each in query.groups[0] if not _covers(store, each)]
    if any(
        each.name != "hs_object_id" or each.low is None or each.high is not None for each in left
    ):
        return None
    if any(late.archived_at is not None and late.seen is not None for late in store.unseen()):
        return None
    ids = store.ids_after(max((int(each.low or 0) for each in left), default=-1))
    hidden = {late.id for late in store.unseen() if late.seen is None}
    return [each for each in ids if each not in hidden] if hidden else ids


def _matches(store: ObjectStore, query: Query) -> list[Record]:
    if len(query.groups) == 1 and not query.words and query.sort == ("hs_object_id", False):
        return _match_group(store, query.groups[0])
    if not query.groups:
        found = {record.id: record for record in _match_group(store, ())}
    else:
        found = {r.id: r for group in query.groups for r in _match_group(store, group)}
    records: Iterable[Record] = found.values()
    if query.words:
        records = [record for record in records if _mentions(store, record, query.words)]
    return _ordered(records, store, query.sort)


def _match_group(store: ObjectStore, group: tuple[Filter, ...]) -> list[Record]:
    """The records of one group by ascending id."""
    candidates, left = _candidates(store, group)
    tests = [each.test for each in left]
    found = [
        record
        for record in candidates
        if (seen := record.seen) is record.values
        and seen is not None
        and all(test(record, seen) for test in tests)
    ]
    late = [
        record
        for record in store.unseen()
        if (seen := record.seen) is not None and all(each.test(record, seen) for each in group)
    ]
    if late:
        found = sorted([*found, *late], key=lambda record: record.id)
    return found


def _candidates(
    store: ObjectStore, group: tuple[Filter, ...]
) -> tuple[list[Record], tuple[Filter, ...]]:
    """Live records worth testing, by ascending id, and the filters still to test."""
    for each in group:
        ids = _exact_ids(store, each)
        if ids is not None:
            return [store.live[i] for i in sorted(ids) if i in store.live], group
    group = tuple(each for each in group if not _covers(store, each))
    times = {store.modified_name: store.by_modified, store.created_name: store.by_created}
    spans = [
        times[each.name].between(each.low, each.high)
        for each in group
        if each.name in times and (each.low or each.high)
    ]
    if spans:
        alive = {record_id for _, record_id in min(spans, key=len) if record_id in store.live}
        return [store.live[i] for i in sorted(alive)], group
    return _by_id(store, group)


def _covers(store: ObjectStore, each: Filter) -> bool:
    """Whether a lower bound on a record's own times holds for every record."""
    if each.high is not None or each.low is None:
        return False
    if each.name == store.modified_name:
        earliest = store.by_modified.first()
    elif each.name == store.created_name:
        earliest = store.by_created.first()
    else:
        return False
    return earliest is None or each.low < earliest


def _by_id(
    store: ObjectStore, group: tuple[Filter, ...]
) -> tuple[list[Record], tuple[Filter, ...]]:
    bounds = [f for f in group if f.name == "hs_object_id" and (f.low or f.high)]
    after = max((int(f.low) for f in bounds if f.low is not None), default=-1)
    live = store.live
    ids = store.ids_after(after)
    tested = tuple(f for f in group if f not in bounds or f.high is not None)
    return [live[i] for i in ids if i in live], tested


def _exact_ids(store: ObjectStore, each: Filter) -> set[int] | None:
    if each.exact is None:
        return None
    if each.name == "hs_object_id" or each.name.startswith("associations."):
        return {int(value) for value in each.exact}
    if not store.indexed(each.name):
        return None
    return {found for value in each.exact for found in store.lookup(each.name, value)}


def _mentions(store: ObjectStore, record: Record, words: str) -> bool:
    seen = record.seen or {}
    names = (*store.defaults, "phone", "company")
    text = " ".join(seen.get(name) or "" for name in names).lower()
    return all(word in text for word in words.split())


def _ordered(
    records: Iterable[Record], store: ObjectStore, sort: tuple[str, bool] | None
) -> list[Record]:
    if sort is None or sort[0] == "hs_object_id":
        descending = sort is not None and sort[1]
        return sorted(records, key=lambda record: record.id, reverse=descending)
    name, descending = sort
    prop = store.book.find(name)
    numeric = prop is not None and prop.type == "number"

    def key(record: Record) -> tuple[bool, float | str, int]:
        value = (record.seen or {}).get(name) or ""
        if numeric:
            number = _number(value)
            return (number is None, number or 0.0, record.id)
        return (value == "", value, record.id)

    return sorted(records, key=key, reverse=descending)
