"""The connector of docs/how-to/write-a-connector.md works as it stands on the page."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from connectors.base import NullLimiter, VendorConnector
from mappings.errors import ConfigurationError, UnavailableError
from mappings.ports import Connector, FieldDefinition
from mappings.records import Operation, OutcomeStatus, Write
from tests.contract import Puller
from tests.house import ROOT

PAGE = ROOT / "docs" / "how-to" / "write-a-connector.md"
TEXT = PAGE.read_text(encoding="utf-8")
START = datetime(2026, 3, 2, 8, tzinfo=UTC)


class Time:
    """A clock that moves on a second with every reading."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        """The next second."""
        self.at += timedelta(seconds=1)
        return self.at


@pytest.fixture
def connector(tmp_path: Path) -> Iterator[VendorConnector]:
    """The page's connector over a folder with one file of two people."""
    blocks = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    source = tmp_path / "csv_example.py"
    source.write_text(blocks[0], encoding="utf-8")
    spec = importlib.util.spec_from_file_location("csv_example", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["csv_example"] = module
    try:
        spec.loader.exec_module(module)
        folder = tmp_path / "lists"
        folder.mkdir()
        (folder / "people.csv").write_text(
            "id,modified,archived,name,key\n"
            "1,2026-03-01T08:00:00.000Z,,Ada,\n"
            "2,2026-03-01T09:00:00.000Z,,Ben,\n",
            encoding="utf-8",
        )
        settings = {"folder": str(folder)}
        yield cast(
            "VendorConnector",
            module.connect(settings, limiter=NullLimiter(), clock=Time().now),
        )
    finally:
        del sys.modules["csv_example"]


def _create(key: str, **fields: str) -> Write:
    return Write(key, Operation.CREATE, "people", fields, external_id=("key", key))


def test_everything_is_pulled_once(connector: VendorConnector) -> None:
    """The first pull brings every record, the second none, a changed one comes again."""
    puller = Puller(connector, "people")
    assert {r.ref.id for r in puller.pull()} == {"1", "2"}
    assert puller.pull() == []
    connector.write([Write("w", Operation.UPDATE, "people", {"name": "Bea"}, id="2")])
    assert [(r.ref.id, r.fields["name"]) for r in puller.pull()] == [("2", "Bea")]


def test_a_broken_off_pull_omits_nothing(connector: VendorConnector) -> None:
    """A pull that ends after its first page goes on where rows are missing."""
    connector.write([_create(f"k{number}", name=f"n{number}") for number in range(450)])
    puller = Puller(connector, "people")
    next(puller.pages())
    assert len(puller.live()) == 200
    puller.pull()
    assert len(puller.live()) == 452


def test_a_create_sent_twice_is_one_record(connector: VendorConnector) -> None:
    """The key finds what the first sending made; the second changes nothing."""
    [first] = connector.write([_create("k", name="Cleo")])
    [again] = connector.write([_create("k", name="Cleo")])
    assert (first.created, again.created) == (True, False)
    assert first.id == again.id
    assert first.record is not None
    assert again.record is not None
    assert first.record.revision == again.record.revision
    assert [r.ref.id for r in connector.find("people", "key", ["k"])] == [first.id]


def test_one_bad_row_never_fails_the_others(connector: VendorConnector) -> None:
    """Each row has its outcome: an unknown column and a missing record are refused alone."""
    outcomes = connector.write(
        [
            Write("good", Operation.UPDATE, "people", {"name": "Ann"}, id="1"),
            Write("column", Operation.UPDATE, "people", {"shoe": "42"}, id="2"),
            Write("gone", Operation.UPDATE, "people", {"name": "Zoe"}, id="99"),
        ]
    )
    found = {o.key: (o.status, o.error.code if o.error else None) for o in outcomes}
    assert found == {
        "good": (OutcomeStatus.OK, None),
        "column": (OutcomeStatus.REJECTED, "field.unknown"),
        "gone": (OutcomeStatus.REJECTED, "record.not_found"),
    }
    assert [r.fields["name"] for r in connector.fetch("people", ["1"])] == ["Ann"]


def test_an_archived_record_comes_as_deleted(connector: VendorConnector) -> None:
    """Archiving shows in the stream; twice is no error; it cannot be fetched any more."""
    puller = Puller(connector, "people")
    puller.pull()
    connector.archive("people", ["1"])
    connector.archive("people", ["1"])
    assert [(r.ref.id, r.deleted) for r in puller.pull()] == [("1", True)]
    assert connector.fetch("people", ["1"]) == []


def test_missing_columns_are_created_once(connector: VendorConnector) -> None:
    """The key column Leadloop needs can be added, and is described from then on."""
    wanted = [FieldDefinition("people", "leadloop_id", "Leadloop Id", "text", unique=True)]
    assert [o.created for o in connector.ensure_fields(wanted)] == [True]
    assert [o.created for o in connector.ensure_fields(wanted)] == [False]
    assert "leadloop_id" in connector.describe("people").fields


def test_a_missing_folder_is_unavailable(connector: VendorConnector, tmp_path: Path) -> None:
    """The account is checked before anything is pulled; a missing setting is named."""
    assert connector.check().account_id == "lists"
    (tmp_path / "lists" / "people.csv").unlink()
    (tmp_path / "lists").rmdir()
    with pytest.raises(UnavailableError):
        connector.check()
    build = sys.modules["csv_example"].connect
    with pytest.raises(ConfigurationError, match="folder"):
        build({})


def test_the_page_tells_the_whole_protocol(connector: VendorConnector) -> None:
    """Every method of the protocol has its line in the table of promises, and the page's connector
    has it."""
    methods = {name for name in vars(Connector) | vars(VendorConnector) if not name.startswith("_")}
    methods -= set(Connector.__annotations__)
    table = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| `.*?\|", TEXT, re.MULTILINE))))
    assert methods <= table
    assert all(callable(getattr(connector, name)) for name in methods)


def test_an_erased_line_is_gone(connector: VendorConnector, tmp_path: Path) -> None:
    """Nothing of an erased record stays in the file."""
    connector.erase("people", ["2", "404"])
    assert "Ben" not in (tmp_path / "lists" / "people.csv").read_text(encoding="utf-8")
    assert connector.versions("people", {"1": ["name"]}) == {}
