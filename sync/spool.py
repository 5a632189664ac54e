"""A run's plans, in memory while they are few and in an unnamed file beyond that.

A plan for everybody is as large as everybody's records: held in memory it would grow with the
population. The file is readable by this user alone, has no name, and is gone with the process; it
holds personal data, as the state does. Going through the plans again reads it from the start. Where
it does not fit on its disk the run ends, and nothing of the plan is carried out.
"""

from __future__ import annotations

import contextlib
import copyreg
import pickle
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import IO, Any

from mappings.errors import StateError
from state.outbox import Intent
from sync.plan_people import EntityPlan

IN_MEMORY = 2_000
"""Plans that are held before any is written to the file: a cycle's, and a small account's."""


class PlanSpool:
    """Plans in the order they were added. Adding while somebody goes through them is an error.

    The file is in `directory`, else where this user's temporary files go.
    """

    def __init__(
        self,
        plans: Iterable[EntityPlan] = (),
        *,
        in_memory: int = IN_MEMORY,
        directory: Path | None = None,
    ) -> None:
        self._in_memory = in_memory
        self._directory = directory or Path(tempfile.gettempdir())
        self._held: list[EntityPlan] = []
        self._file: IO[bytes] | None = None
        self._count = 0
        self.extend(plans)

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    def __iter__(self) -> Iterator[EntityPlan]:
        """All of them, from the first."""
        if self._file is not None:
            at = 0
            while True:
                self._file.seek(at)
                try:
                    part: list[EntityPlan] = pickle.load(self._file)  # noqa: S301 - our own
                except EOFError:
                    break
                at = self._file.tell()
                yield from part
        yield from self._held

    def extend(self, plans: Iterable[EntityPlan]) -> None:
        """Add plans. Raises StateError (`plan.no_room`) where they do not fit."""
        before = len(self._held)
        self._held.extend(plans)
        self._count += len(self._held) - before
        if len(self._held) > self._in_memory:
            self._write()

    def clear(self) -> None:
        """Let go of everything."""
        if self._file is not None:
            _closed(self._file)
        self._file, self._held, self._count = None, [], 0

    def _write(self) -> None:
        try:
            file = self._opened()
            file.seek(0, 2)
            writer = pickle.Pickler(file, protocol=pickle.HIGHEST_PROTOCOL)
            writer.dispatch_table = _REDUCED
            writer.dump(self._held)
            file.flush()
        except OSError as error:
            raise StateError(
                f"the plan cannot be kept in {self._directory}: {error.strerror}",
                code="plan.no_room",
                remedy="Free space there, or set TMPDIR to a directory that has some, then run the "
                "same command again.",
            ) from None
        self._held = []

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self._file = tempfile.TemporaryFile(  # noqa: SIM115 - kept
                prefix="leadloop_plan_", dir=self._directory
            )
            weakref.finalize(self, _closed, self._file)  # whoever drops the plans drops the file
        return self._file


def _reducer(kind: type[Any]) -> Callable[[Any], tuple[type[Any], tuple[Any, ...]]]:
    """How an instance is written: its class and its values. A frozen dataclass's own way looks its
    fields up for each instance, which takes longer than everything else."""
    values = attrgetter(*(field.name for field in fields(kind)))
    return lambda one: (kind, values(one))


_REDUCED = copyreg.dispatch_table | {kind: _reducer(kind) for kind in (EntityPlan, Intent)}


def _closed(file: IO[bytes]) -> None:
    """Close it. What a full disk has kept from being written is wanted no more."""
    with contextlib.suppress(OSError):
        file.close()
