"""Running a singer tap: discover, select, sync, and read what it wrote."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Bench
from tests.clients.environments import Tap, UnavailableError, tap

Catalog = dict[str, Any]


@dataclass(frozen=True)
class Synced:
    """What a tap wrote: records by stream, and the state it would go on from."""

    records: dict[str, list[dict[str, Any]]]
    state: dict[str, Any]


class TapRun:
    """One tap against the sandbox, through the proxy, with a config of its own."""

    def __init__(self, name: str, bench: Bench, folder: Path, config: dict[str, Any]) -> None:
        try:
            self._tap: Tap = tap(name)
        except UnavailableError as error:
            pytest.skip(str(error))
        self._tap.trust(bench.authority)
        self._bench = bench
        self._folder = folder
        self._config = self._file("config", config)

    def discover(self) -> Catalog:
        """The catalog the tap makes of the vendor's own description."""
        found: Catalog = json.loads(self._run("--discover"))
        return found

    def sync(self, catalog: Catalog, state: dict[str, Any] | None = None) -> Synced:
        """Sync what is selected, from `state` on."""
        words = ["--properties", str(self._file("catalog", catalog))]
        if state is not None:
            words += ["--state", str(self._file("state", state))]
        records: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        reached: dict[str, Any] = {}
        for line in self._run(*words).splitlines():
            message = json.loads(line)
            if message["type"] == "RECORD":
                records[message["stream"]].append(message["record"])
            elif message["type"] == "STATE":
                reached = message["value"]
        return Synced(dict(records), reached)

    def _file(self, name: str, content: object) -> Path:
        path = self._folder / f"{name}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            [str(self._tap.program), "--config", str(self._config), *words],
            env=self._bench.environment(),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout


def select(catalog: Catalog, wanted: Callable[[str], dict[str, Any] | None]) -> Catalog:
    """The catalog with streams and all their fields selected: `wanted(stream)` gives metadata to
    add to the stream, or None to leave it out.
    """
    for stream in catalog["streams"]:
        more = wanted(stream["tap_stream_id"])
        if more is None:
            continue
        for each in stream["metadata"]:
            if each["metadata"].get("inclusion") != "unsupported":
                each["metadata"]["selected"] = True
            if each["breadcrumb"] == []:
                each["metadata"].update(more)
    return catalog
