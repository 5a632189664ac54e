"""The field history that a vendor in memory keeps: every value of every field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from mappings.records import Record, Version

PEOPLE, OURS = "CRM_UI", "INTEGRATION"
"""By what a value came there: HubSpot's words."""


@dataclass(slots=True)
class FieldHistory:
    """Versions by (object, id, field), newest first; `source` is who is at work now."""

    source: str = PEOPLE
    known: dict[tuple[str, str, str], list[Version]] = field(default_factory=dict)

    def note(self, before: Record | None, stored: Record) -> None:
        """A record was saved."""
        for name, value in stored.fields.items():
            if before is None or before.fields.get(name) != value:
                place = (stored.ref.object, stored.ref.id, name)
                version = Version(value, stored.modified_at, self.source)
                self.known.setdefault(place, []).insert(0, version)

    def of(
        self, object_name: str, fields: Mapping[str, Sequence[str]]
    ) -> dict[tuple[str, str], tuple[Version, ...]]:
        """The versions of these fields (names by record id), by (id, field)."""
        wanted = ((record_id, name) for record_id, names in fields.items() for name in names)
        found = {key: self.known.get((object_name, *key), []) for key in wanted}
        return {key: tuple(own) for key, own in found.items() if own}

    def forget(self, before: datetime) -> None:
        """Older versions are kept no longer, as vendors let theirs go; the present one's stays."""
        for versions in self.known.values():
            versions[1:] = [one for one in versions[1:] if one.at >= before]

    @contextmanager
    def written_by_us(self) -> Iterator[None]:
        """What is saved within came through the API."""
        self.source = OURS
        try:
            yield
        finally:
            self.source = PEOPLE
