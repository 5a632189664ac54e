"""Who is kept out: what comes in is held against the tombstones before it is stored.

One object a pair; the state asks it wherever something is put in (`mappings.ports.Screen`). Without
a tombstone it costs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from mappings.records import Event, Malformed, Record, RecordRef
from mappings.required_fields import CALLS, MEETINGS
from state.traces import ADDRESS
from sync.erasure.files import ErasureFiles
from sync.erasure.find import JOINED, Ground
from sync.erasure.seal import Seal


class ErasureScreen:
    """The tombstones of one pair. `kept_out` counts what was not stored, by kind."""

    def __init__(self, ground: Ground, files: ErasureFiles, digests: Iterable[str] = ()) -> None:
        """Raises StateError where there are tombstones and no key."""
        self.ground = ground
        self.files = files
        self.seal: Seal | None = files.seal()
        self.digests: set[str] = set(digests)
        self.kept_out: Counter[str] = Counter()
        if self.digests and self.seal is None:
            raise files.missing_key()

    def made_seal(self) -> Seal:
        """The key, made with the first erasure."""
        self.seal = self.seal or self.files.make_seal()
        return self.seal

    def add(self, digests: Iterable[str]) -> None:
        """These count from now on."""
        self.digests.update(digests)

    def drop(self, digests: Iterable[str]) -> None:
        """These no longer count."""
        self.digests.difference_update(digests)

    def covers_record(self, record: Record) -> bool:
        """Whether a record is an erased person's: by its id, an address, a number with the name;
        or joins one to something."""
        if not self._is_at_work or not self._is_erased(record):
            return False
        self.kept_out["records"] += 1
        return True

    def covers_event(self, event: Event) -> bool:
        """Whether the address the vendor names is an erased person's."""
        if not self._is_at_work or not event.email or not self.knows_address(event.email):
            return False
        self.kept_out["events"] += 1
        return True

    def covers_row(self, row: Malformed) -> bool:
        """Whether an unreadable row has an erased person's id, or an address of theirs."""
        if not self._is_at_work:
            return False
        known = row.id and self._has(RecordRef(row.system, row.stream, row.id))
        if not known and not any(map(self.knows_address, ADDRESS.findall(row.payload.lower()))):
            return False
        self.kept_out["unreadable_rows"] += 1
        return True

    def covers_id(self, system: str, object_name: str, record_id: str) -> bool:
        """Whether the id was an erased person's record."""
        return self._is_at_work and self._has(RecordRef(system, object_name, record_id))

    def knows_address(self, address: str) -> bool:
        """Whether the address was an erased person's."""
        digest = self.seal.of_email(address) if self.seal else None
        return digest is not None and digest in self.digests

    @property
    def _is_at_work(self) -> bool:
        return bool(self.digests) and self.seal is not None

    def _has(self, ref: RecordRef) -> bool:
        return self.seal is not None and self.seal.of_id(ref) in self.digests

    def _is_erased(self, record: Record) -> bool:
        if self._has(record.ref):
            return True
        joined = JOINED.get(record.ref.object)
        if joined is not None:
            objects, fields = joined
            named = {str(record.fields[field]) for field in fields if record.fields.get(field)}
            return any(
                self._has(RecordRef(record.ref.system, name, one))
                for name in objects
                for one in named
            )
        if record.ref.object in (CALLS, MEETINGS):
            return any(
                self._has(RecordRef(record.ref.system, name, one))
                for name, own in record.associations.items()
                for one in own
            )
        return not self.digests.isdisjoint(self._digests(record))

    def _digests(self, record: Record) -> Iterator[str]:
        if self.seal is not None and self.ground.is_person(record.ref):
            yield from self.seal.of_person(self.ground.person(record))
