"""The key of the tombstones and the list of erasures: two files outside the database.

`erasure_key` makes the tombstones unreadable to whoever has the database alone. `erasures.jsonl`
holds every erasure's tombstones a second time, so that a state restored from an older backup learns
whom it must not bring back. Neither names anybody. Both are made with the first erasure, at mode
0600, and are to be kept apart from the database's backups, and as long.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mappings.errors import StateError
from sync.erasure.seal import KEY_BYTES, Seal

KEY_FILE = "erasure_key"
LIST_FILE = "erasures.jsonl"
PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list: an erasure with its tombstones, or, with `lifted`, tombstones that no
    longer count since."""

    id: str
    at: datetime
    tenant: str
    pair: str
    key_id: str
    people: int
    digests: tuple[str, ...]
    lifted: bool = False

    def as_line(self) -> str:
        """The entry as a line of JSON."""
        data = {
            "id": self.id,
            "at": self.at.isoformat(),
            "tenant": self.tenant,
            "pair": self.pair,
            "key_id": self.key_id,
            "people": self.people,
            "digests": list(self.digests),
            "lifted": self.lifted,
        }
        return json.dumps(data, separators=(",", ":")) + "\n"


@dataclass(frozen=True, slots=True)
class ErasureFiles:
    """Where the two files are."""

    folder: Path

    @property
    def key_path(self) -> Path:
        """The key."""
        return self.folder / KEY_FILE

    @property
    def list_path(self) -> Path:
        """The list of erasures."""
        return self.folder / LIST_FILE

    def seal(self) -> Seal | None:
        """The key, None before the first erasure. Raises StateError `erasure.key_unreadable`."""
        try:
            key = bytes.fromhex(self.key_path.read_text(encoding="ascii").strip())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise self._unreadable(self.key_path, error) from None
        if len(key) != KEY_BYTES:
            raise self._unreadable(self.key_path, ValueError("it has another length"))
        return Seal(key)

    def make_seal(self) -> Seal:
        """The key, made now where there is none yet."""
        found = self.seal()
        if found is not None:
            return found
        made = Seal(secrets.token_bytes(KEY_BYTES))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(self.key_path, made.key.hex() + "\n", os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return self.make_seal()
        except OSError as error:
            raise self._unwritable(self.key_path, error) from None
        return made

    def append(self, entries: Iterable[Entry]) -> None:
        """Note erasures for good, on disk before this returns; those that are there already are
        not noted twice."""
        known = {(e.id, e.lifted) for e in self.entries()}
        text = "".join(e.as_line() for e in entries if (e.id, e.lifted) not in known)
        if not text:
            return
        try:
            self._end_torn_line()
            _write(self.list_path, text, os.O_CREAT | os.O_APPEND)
        except OSError as error:
            raise self._unwritable(self.list_path, error) from None

    def _end_torn_line(self) -> None:
        """Cut off what was being written when the power went: it was never acted on."""
        if not self.list_path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            return
        whole = self.list_path.read_bytes()
        if whole and not whole.endswith(b"\n"):
            with self.list_path.open("r+b") as file:
                file.truncate(whole.rfind(b"\n") + 1)
                os.fsync(file.fileno())

    def entries(self) -> Iterator[Entry]:
        """Every erasure, oldest first. A torn last line (power lost while writing it) was never
        acted on and is left out. Raises StateError `erasure.list_unreadable` for any other.
        """
        try:
            lines = self.list_path.read_text(encoding="utf-8").splitlines(keepends=True)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise self._unreadable(self.list_path, error) from None
        for number, line in enumerate(lines, start=1):
            try:
                yield _entry(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                if number == len(lines) and not line.endswith("\n"):
                    return
                raise self._unreadable(self.list_path, error, number) from None

    def missing_key(self) -> StateError:
        """The error of a state that has tombstones and no key to read them by."""
        return StateError(
            f"people were erased from this state, and {self.key_path} is not there",
            code="erasure.key_missing",
            remedy=f"Put {KEY_FILE} back from where you keep it: without it nobody could tell who "
            "was erased, and they would come back.",
        )

    def wrong_key(self) -> StateError:
        """The error of a list that was written with another key."""
        return StateError(
            f"{self.list_path} was written with another key than {self.key_path} holds",
            code="erasure.key_wrong",
            remedy=f"Put the {KEY_FILE} back that belongs to this list.",
        )

    def _unreadable(self, path: Path, error: Exception, line: int | None = None) -> StateError:
        where = f"{path}:{line}:1" if line else str(path)
        why = error.strerror if isinstance(error, OSError) else "it is not what was written there"
        return StateError(
            f"{where} cannot be read ({why})",
            code="erasure.unreadable",
            remedy="Correct its permissions, or put the file back from where you keep it.",
        )

    def _unwritable(self, path: Path, error: OSError) -> StateError:
        return StateError(
            f"{path} cannot be written ({error.strerror})",
            code="erasure.unwritable",
            remedy="Make its folder writable for this user, or set `erasure: folder:` in "
            "config.yaml. Nothing has been erased.",
        )


def _entry(data: Mapping[str, Any]) -> Entry:
    return Entry(
        id=str(data["id"]),
        at=datetime.fromisoformat(data["at"]),
        tenant=str(data["tenant"]),
        pair=str(data["pair"]),
        key_id=str(data["key_id"]),
        people=int(data["people"]),
        digests=tuple(map(str, data["digests"])),
        lifted=bool(data["lifted"]),
    )


def _write(path: Path, text: str, flags: int) -> None:
    """Append or create, forced to disk, the folder's entry too."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | flags, PRIVATE)
    try:
        os.write(descriptor, text.encode("utf-8"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
