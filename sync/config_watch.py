"""Notices that the files a configuration was read from have changed.

Looks at size and time of every file and reads those that moved, so that a look at rest costs a few
`stat` calls. What an editor is still writing is left until it has stood still for one look. Each
content is told once: what was refused is not tried again until it is another.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from mappings.loader import mapping_files
from sync.config import Config
from sync.config_layers import included

LOOK_SECONDS = 2.0
"""How often the files are looked at."""

Stamp = tuple[int, int] | None
"""Modified time in nanoseconds and size; None for a file that is not there."""


class Watch:
    """The files of one configuration, `config` being the one in force."""

    def __init__(self, config: Config, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.config = config
        self._clock = clock
        self._due = clock() + LOOK_SECONDS
        self._stamps = self._look()
        self._last = self._stamps
        self._seen = self._digest()

    def changed(self) -> bool:
        """Whether the files hold something else than when this was last true, or at the start."""
        if self._clock() < self._due:
            return False
        self._due = self._clock() + LOOK_SECONDS
        last, self._last = self._last, self._look()
        if self._last == self._stamps or self._last != last:
            return False
        self._stamps = self._last
        return self.take()

    def take(self) -> bool:
        """Take the files as they are for seen; whether they hold something else than before."""
        before, self._seen = self._seen, self._digest()
        return before != self._seen

    def _look(self) -> dict[Path, Stamp]:
        return {path: _stamp(path) for path in self._files()}

    def _digest(self) -> str:
        seal = hashlib.sha256()
        for path in self._files():
            seal.update(str(path).encode() + b"\0")
            try:
                seal.update(path.read_bytes())
            except OSError:
                seal.update(b"\1")
            seal.update(b"\0")
        return seal.hexdigest()

    def _files(self) -> list[Path]:
        """config.yaml, what it includes, and every mapping file there is now."""
        found = {self.config.path, *included(self.config.path)}
        for pair in self.config.pairs:
            try:
                found.update(mapping_files(pair.mapping_path))
            except OSError:  # its directory is gone for the moment
                found.add(pair.mapping_path)
        return sorted(found)


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
