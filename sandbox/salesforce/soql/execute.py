"""A query from text to its answer: rows found, ordered, cut; records shown page by page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from sandbox.salesforce.fields import Row
from sandbox.salesforce.records import Records
from sandbox.salesforce.soql import ast
from sandbox.salesforce.soql.aggregates import aggregate, is_aggregate, is_bare_count
from sandbox.salesforce.soql.parser import parse
from sandbox.salesforce.soql.plan import choose, sorts_by_stamp
from sandbox.salesforce.soql.predicates import compile_condition
from sandbox.salesforce.soql.project import Projector, projector
from sandbox.salesforce.soql.rows import ordered, present
from sandbox.salesforce.soql.scope import Scope


@dataclass(frozen=True)
class Answer:
    """A query answered: `rows` with their `project`, or ready-made `records` of aggregates."""

    total: int
    rows: tuple[Row, ...]
    project: Projector | None
    records: tuple[dict[str, object], ...] = ()

    def shown(self, start: int = 0, stop: int | None = None) -> list[dict[str, object]]:
        """The records of one page."""
        if self.project is None:
            return list(self.records[start:stop])
        project = self.project
        return [project(row) for row in self.rows[start:stop]]


def execute(
    records: Records,
    text: str,
    *,
    user_id: str | None = None,
    all_rows: bool = False,
    version: str = "68.0",
) -> Answer:
    """Answer a query as `user_id` sees the org (None: everything); `all_rows` is queryAll."""
    query = parse(text)
    records.release_late()
    records.empty_recycle_bin()
    scope = Scope(records, query.sobject, user_id, alias=query.alias)
    if is_bare_count(query):
        return Answer(len(_find(scope, query, all_rows=all_rows)), (), None)
    if is_aggregate(query):
        plain = ast.Query(query.items, query.sobject, where=query.where, all_rows=query.all_rows)
        found = _find(scope, plain, all_rows=all_rows)
        end = None if query.limit is None else query.offset + query.limit
        made = aggregate(scope, query, found)[query.offset : end]
        return Answer(len(made), (), None, tuple(made))
    project = projector(scope, query, version)
    rows = _find(scope, query, all_rows=all_rows)
    return Answer(len(rows), tuple(rows), project)


def _find(scope: Scope, query: ast.Query, *, all_rows: bool) -> list[Row]:
    test = None if query.where is None else compile_condition(scope, query.where)
    source = choose(scope, query)
    rows: Iterable[Row] = source.rows
    if not (all_rows or query.all_rows):
        rows = present(scope, rows)
    if test is not None:
        rows = filter(test, rows)
    end = None if query.limit is None else query.offset + query.limit
    if query.order_by and not (source.by_stamp and sorts_by_stamp(query)):
        return ordered(scope, query, rows)[query.offset : end]
    return list(islice(rows, query.offset, end))
