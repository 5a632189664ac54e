"""Queries beyond the recorded ones: aggregates, subtotals, functions, TYPEOF, children, literals,
and what each of them is refused for (SOQL and SOSL Reference [D])."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.clock import VirtualClock
from sandbox.faults import Faults
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.org import SalesforceOrg
from sandbox.salesforce.soql.execute import execute

NOON = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
GROUPED = "FROM Lead GROUP BY"


@pytest.fixture(scope="module")
def org() -> SalesforceOrg:
    """Two accounts, two contacts, four leads, two opportunities, two tasks, on the first of June,
    a Monday."""
    clock = VirtualClock(NOON, monotonic=lambda: 0.0)
    made = SalesforceOrg(clock, Faults(), client_id="c", client_secret="s", seed=1)
    acme = made.create("Account", {"Name": "Acme_1", "Industry": "Energy"})
    beta = made.create("Account", {"Name": "Beta%", "ParentId": acme})
    pat = made.create("Contact", {"LastName": "O'Hara", "AccountId": acme, "Email": "p@x.example"})
    made.create("Contact", {"LastName": "Zed", "AccountId": beta, "ReportsToId": pat})
    leads = [
        ("L1", "Web", 5, "Open - Not Contacted"),
        ("L2", "Web", 15, "Working - Contacted"),
        ("L3", None, None, "Open - Not Contacted"),
        ("L4", "Other", 7, "Open - Not Contacted"),
    ]
    ids = [
        made.create(
            "Lead",
            {
                "LastName": name,
                "Company": "Co",
                "LeadSource": source,
                "NumberOfEmployees": size,
                "Status": status,
            },
        )
        for name, source, size, status in leads
    ]
    for name, stage, day, amount in (
        ("Open", "Prospecting", "2026-07-15", 1234.5),
        ("Won", "Closed Won", "2026-05-30", 3000),
    ):
        made.create(
            "Opportunity",
            {"Name": name, "StageName": stage, "CloseDate": day, "Amount": amount},
        )
    made.create("Task", {"Subject": "Of a lead", "WhoId": ids[0]})
    made.create("Task", {"Subject": "Of a contact", "WhoId": pat})
    made.create("Task", {"Subject": "Of nobody"})
    return made


def rows(org: SalesforceOrg, query: str) -> list[tuple[Any, ...]]:
    """The values of an answer, record by record, attributes left out."""
    return [
        tuple(value for name, value in record.items() if name != "attributes")
        for record in execute(org.records, query).shown()
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"SELECT LeadSource, COUNT(Id) {GROUPED} LeadSource HAVING COUNT(Id) > 1", [("Web", 2)]),
        (
            (f"SELECT LeadSource {GROUPED} LeadSource HAVING LeadSource LIKE 'O%'"
            " OR MAX(NumberOfEmployees) > 10 ORDER BY LeadSource"),
            [("Other",), ("Web",)],
        ),
        (
            (f"SELECT LeadSource, COUNT(Id) n {GROUPED} LeadSource ORDER BY COUNT(Id) DESC,"
            " LeadSource LIMIT 1"),
            [("Web", 2)],
        ),
        (
            (f"SELECT LeadSource, COUNT(Id) n {GROUPED} LeadSource ORDER BY n DESC, LeadSource"
            " LIMIT 1 OFFSET 1"),
            [(None, 1)],
        ),
        (
            (f"SELECT LeadSource, SUM(NumberOfEmployees) {GROUPED} ROLLUP(LeadSource)"
            " ORDER BY GROUPING(LeadSource), LeadSource"),
            [(None, None), ("Other", 7), ("Web", 20), (None, 27)],
        ),
        (
            (f"SELECT LeadSource, Status, GROUPING(LeadSource) a, GROUPING(Status) b, COUNT(Id) n"
            f" {GROUPED} CUBE(LeadSource, Status) HAVING GROUPING(LeadSource) = 1"
            " ORDER BY GROUPING(Status), Status"),
            [
                (None, "Open - Not Contacted", 1, 0, 3),
                (None, "Working - Contacted", 1, 0, 1),
                (None, None, 1, 1, 4),
            ],
        ),
        (
            ("SELECT CALENDAR_YEAR(CloseDate) y, CALENDAR_MONTH(CloseDate) m, SUM(Amount) FROM"
            " Opportunity GROUP BY CALENDAR_YEAR(CloseDate), CALENDAR_MONTH(CloseDate)"
            " ORDER BY CALENDAR_MONTH(CloseDate)"),
            [(2026, 5, 3000.0), (2026, 7, 1234.5)],
        ),
        (
            ("SELECT DAY_ONLY(CreatedDate), HOUR_IN_DAY(convertTimezone(CreatedDate)), COUNT(Id)"
            " FROM Lead GROUP BY DAY_ONLY(CreatedDate),"
            " HOUR_IN_DAY(convertTimezone(CreatedDate))"),
            [("2026-06-01", 12, 4)],
        ),
        (
            ("SELECT DAY_IN_WEEK(CreatedDate), WEEK_IN_YEAR(CreatedDate),"
            " FISCAL_QUARTER(CreatedDate) FROM Lead GROUP BY DAY_IN_WEEK(CreatedDate),"
            " WEEK_IN_YEAR(CreatedDate), FISCAL_QUARTER(CreatedDate)"),
            [(2, 22, 2)],
        ),
        ("SELECT Name FROM Opportunity WHERE CALENDAR_QUARTER(CloseDate) = 3", [("Open",)]),
        ("SELECT Name FROM Opportunity WHERE CloseDate = NEXT_FISCAL_QUARTER", [("Open",)]),
        ("SELECT Name FROM Opportunity WHERE CloseDate = LAST_N_QUARTERS:1", []),
        ("SELECT Name FROM Opportunity WHERE CloseDate = NEXT_N_QUARTERS:1", [("Open",)]),
        ("SELECT Name FROM Opportunity WHERE CloseDate = N_MONTHS_AGO:1", [("Won",)]),
        ("SELECT Name FROM Opportunity WHERE CloseDate = N_WEEKS_AGO:1", [("Won",)]),
        ("SELECT Name FROM Opportunity WHERE CloseDate < LAST_WEEK", []),
        ("SELECT FORMAT(Amount) money, FORMAT(CloseDate) FROM Opportunity WHERE Name = 'Open'",
         [("$1,234.50", "7/15/2026")]),
        ("SELECT FORMAT(CreatedDate), toLabel(Status) s FROM Lead WHERE LastName = 'L1'",
         [("6/1/2026, 12:30 PM", "Open - Not Contacted")]),
        ("SELECT Name FROM Account WHERE Name LIKE 'Acme\\_%'", [("Acme_1",)]),
        ("SELECT Name FROM Account WHERE Name LIKE '%\\%'", [("Beta%",)]),
        ("SELECT LastName FROM Contact WHERE LastName = 'O\\'Hara'", [("O'Hara",)]),
        ("SELECT Name FROM Account WHERE Id NOT IN (SELECT AccountId FROM Contact)", []),
        (
            ("SELECT Account.Name, COUNT(Id) FROM Contact GROUP BY Account.Name"
            " HAVING Account.Name != 'Beta%'"),
            [("Acme_1", 1)],
        ),
        ("SELECT COUNT_DISTINCT(LeadSource), MIN(NumberOfEmployees) FROM Lead", [(2, 5)]),
        ("SELECT MAX(CreatedDate) FROM Lead", [("2026-06-01T12:30:00.000+0000",)]),
    ],
)  # fmt: skip
def test_what_a_query_finds(org: SalesforceOrg, query: str, expected: list[Any]) -> None:
    """Groups are filtered, ordered and summed up; dates are cut; wildcards stay escaped."""
    assert rows(org, query) == expected


def test_typeof_shows_each_parent_its_own_fields(org: SalesforceOrg) -> None:
    """The branch of what the parent is, ELSE for any other, null for none; attributes say which."""
    query = (
        "SELECT Subject, TYPEOF Who WHEN Lead THEN Company, LastName ELSE Email END FROM Task"
        " ORDER BY Subject"
    )
    contact, lead, nobody = (one["Who"] for one in execute(org.records, query).shown())
    assert nobody is None
    assert isinstance(contact, dict)
    assert isinstance(lead, dict)
    assert (contact["attributes"]["type"], contact["Email"]) == ("Contact", "p@x.example")
    assert (lead["attributes"]["type"], lead["Company"], lead["LastName"]) == ("Lead", "Co", "L1")
    bare = "SELECT TYPEOF Who WHEN Contact THEN Email END FROM Task WHERE Who.Type = 'Lead'"
    [(only,)] = rows(org, bare)
    assert set(only) == {"attributes"}


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("SELECT Name n FROM Lead", "MALFORMED_QUERY", "only aggregate expressions"),
        ("SELECT LastName FROM Lead GROUP BY Company", "MALFORMED_QUERY", "LastName"),
        ("SELECT COUNT(Id) FROM Lead HAVING LastName = 'x'", "MALFORMED_QUERY", "LastName"),
        ("SELECT Description FROM Lead GROUP BY Description", "INVALID_FIELD", "grouped"),
        ("SELECT SUM(LastName) FROM Lead", "MALFORMED_QUERY", "aggregate operator SUM"),
        ("SELECT CALENDAR_YEAR(LastName) FROM Lead GROUP BY CALENDAR_YEAR(LastName)",
         "INVALID_FIELD", "CALENDAR_YEAR"),
        ("SELECT CALENDAR_YEAR(CreatedDate) FROM Lead", "MALFORMED_QUERY", "CALENDAR_YEAR"),
        ("SELECT SQUARE(NumberOfEmployees) FROM Lead", "MALFORMED_QUERY", "SQUARE"),
        ("SELECT GROUPING(Status) FROM Lead GROUP BY ROLLUP(LeadSource)", "MALFORMED_QUERY",
         "Status"),
        ("SELECT TYPEOF Who WHEN Lead THEN Nope END FROM Task", "INVALID_FIELD", "Nope"),
        ("SELECT TYPEOF Nobody WHEN Lead THEN Id END FROM Task", "INVALID_FIELD", "Nobody"),
        ("SELECT COUNT(Id), (SELECT Id FROM Contacts) FROM Account", "MALFORMED_QUERY", "child"),
        ("SELECT Id FROM Lead ORDER BY Description", "INVALID_FIELD", "sorted"),
        ("SELECT Id FROM Lead WHERE Description = 'x'", "INVALID_FIELD", "filtered"),
        ("SELECT Id FROM Lead WHERE CreatedDate = LAST_N_DECADES:1", "MALFORMED_QUERY",
         "LAST_N_DECADES"),
        ("SELECT Id FROM Lead WHERE LastName IN ()", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT Id FROM Account WHERE Parent.Parent.Parent.Parent.Parent.Parent.Name = 'x'",
         "MALFORMED_QUERY", "5 levels"),
        ("SELECT Id FROM Lead WHERE Id = 'abc'", "INVALID_QUERY_FILTER_OPERATOR", "abc"),
        ("SELECT Id FROM Lead LIMIT 1 OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "2000"),
        ("SELECT FIELDS(ALL) FROM Lead", "MALFORMED_QUERY", "LIMIT"),
    ],
)  # fmt: skip
def test_what_a_query_is_refused_for(org: SalesforceOrg, query: str, code: str, words: str) -> None:
    """Each wrong query has the vendor's code, and a message that names what is wrong."""
    with pytest.raises(SalesforceError) as caught:
        rows(org, query)
    assert caught.value.code == code
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("query", "line", "at", "where"),
    [
        ("SELECT ,  FROM Lead", "SELECT ,  FROM Lead", 7, "Row:1:Column:8"),
        ("SELECT Id FROM Lead WHERE City IS NULL", "SELECT Id FROM Lead WHERE City IS NULL", 31,
         "Row:1:Column:32"),
        ("SELECT Id\nFROM Lead\nWHERE (", "WHERE (", 7, "Row:3:Column:8"),
        ("SELECT Id FROM Lead WHERE City = #", "SELECT Id FROM Lead WHERE City = #", 33,
         "Row:1:Column:34"),
    ],
)  # fmt: skip
def test_a_query_that_is_none_is_shown_with_a_mark_below_the_fault(
    org: SalesforceOrg, query: str, line: str, at: int, where: str
) -> None:
    """The line, a mark, the row and column, then what was unexpected."""
    with pytest.raises(SalesforceError) as caught:
        rows(org, query)
    assert caught.value.code == "MALFORMED_QUERY"
    assert caught.value.message.startswith(f"\n{line}\n{' ' * at}^\nERROR at {where}\n")
