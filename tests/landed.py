"""An inbox in memory, as a connector asks one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mappings.ports import Page
from mappings.records import Event, Record


class LandedRows:
    """An inbox in memory: what has landed, by stream, as `Landed` is asked."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Record]] = {}
        self.events: dict[str, dict[str, Event]] = {}

    def land(self, stream: str, page: Page) -> None:
        """Take a page in; a row that landed before is replaced."""
        rows = self.records.setdefault(stream, {})
        rows.update({record.ref.id: record for record in page.records})
        self.events.setdefault(stream, {}).update({event.key: event for event in page.events})

    def count_since(self, stream: str, at: datetime) -> int:
        """Live records landed with `modified_at >= at`."""
        rows = self.records.get(stream, {}).values()
        return sum(1 for r in rows if not r.deleted and r.modified_at >= at)

    def unseen(self, stream: str, rows: Sequence[tuple[str, str]]) -> set[str]:
        """Ids not landed at exactly that revision."""
        records, events = self.records.get(stream, {}), self.events.get(stream, {})
        return {
            name
            for name, revision in rows
            if name not in events and (name not in records or records[name].revision != revision)
        }

    def holding(self, object_name: str, field_name: str, value: str) -> set[str]:
        """Ids of live records with this text in a field."""
        newest = {ref: r for rows in self.records.values() for ref, r in rows.items()}
        return {
            name
            for name, record in newest.items()
            if record.ref.object == object_name
            and not record.deleted
            and record.fields.get(field_name) == value
        }
