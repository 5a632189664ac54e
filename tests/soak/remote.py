"""The vendors in one process, Leadloop in another: what was done at a vendor survives a kill.

The parent keeps both vendors and serves their calls over a pipe (`serve`); the forked child runs
Leadloop against `Remote` connectors. Errors cross the pipe whole.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any, cast

from connectors.memory import CAPABILITIES, MemoryConnector
from mappings.errors import LeadloopError
from mappings.ports import Connector, Landed, ObjectSchema, Page, StreamSpec
from mappings.records import Json, Outcome, Record, Version, Write
from sync.pair import Pair

WORDS = "last words"


def _rebuilt(kind: type[LeadloopError], args: tuple[Any, ...], held: dict[str, Any]) -> Any:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(held)
    return error


class _Pickler(pickle.Pickler):
    """Errors have constructors of their own; here they travel by what they hold."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, LeadloopError):
            return _rebuilt, (type(obj), obj.args, dict(obj.__dict__))
        return NotImplemented


def _send(pipe: Connection, message: Any) -> None:
    buffer = io.BytesIO()
    _Pickler(buffer).dump(message)
    pipe.send_bytes(buffer.getvalue())


def _receive(pipe: Connection) -> Any:
    return pickle.loads(pipe.recv_bytes())  # noqa: S301 - our own process at the other end


class Remote:
    """A connector whose vendor is at the other end of a pipe."""

    capabilities = CAPABILITIES

    def __init__(self, pipe: Connection, vendor: MemoryConnector) -> None:
        self.system = vendor.system
        self._pipe = pipe

    def streams(self) -> tuple[StreamSpec, ...]:
        """Everything there is to pull."""
        found: tuple[StreamSpec, ...] = self._ask("streams")
        return found

    def changes(
        self, stream: str, since: Mapping[str, Json] | None, *, landed: Landed
    ) -> Iterator[Page]:
        """Every page there is; what has landed is asked of us while they are made."""
        _send(self._pipe, (self.system, "changes", (stream, dict(since) if since else None)))
        while True:
            kind, content = _receive(self._pipe)
            if kind == "landed":
                name, *arguments = content
                _send(self._pipe, getattr(landed, name)(*arguments))
            elif kind == "error":
                raise content
            else:
                return iter(content)

    def census(self, stream: str, after: Mapping[str, Json] | None) -> Iterator[Page]:
        """Every page of what there is."""
        return iter(self._ask("census", stream, dict(after) if after else None))

    def fetch(self, object_name: str, ids: Sequence[str]) -> list[Record]:
        """The named records."""
        found: list[Record] = self._ask("fetch", object_name, list(ids))
        return found

    def find(self, object_name: str, field_name: str, values: Sequence[str]) -> list[Record]:
        """Records by a value."""
        found: list[Record] = self._ask("find", object_name, field_name, list(values))
        return found

    def describe(self, object_name: str) -> ObjectSchema:
        """The fields of an object as they are now."""
        found: ObjectSchema = self._ask("describe", object_name)
        return found

    def versions(
        self, object_name: str, fields: Mapping[str, Sequence[str]]
    ) -> dict[tuple[str, str], tuple[Version, ...]]:
        """The values that fields have had."""
        found: dict[tuple[str, str], tuple[Version, ...]]
        found = self._ask("versions", object_name, dict(fields))
        return found

    def write(self, rows: Sequence[Write]) -> list[Outcome]:
        """One outcome per row."""
        found: list[Outcome] = self._ask("write", list(rows))
        return found

    def _ask(self, name: str, *arguments: Any) -> Any:
        _send(self._pipe, (self.system, name, arguments))
        kind, content = _receive(self._pipe)
        if kind == "error":
            raise content
        return content


class _AskedLanded:
    """`Landed` of the child, asked over the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(*arguments: Any) -> Any:
            _send(self._pipe, ("landed", (name, *arguments)))
            return _receive(self._pipe)

        return ask


def connected(
    pair: Pair, pipe: Connection, map_side: MemoryConnector, crm_side: MemoryConnector
) -> Pair:
    """The pair as a child has it: both its vendors at the other end of the pipe."""
    return replace(
        pair,
        map_side=cast("Connector", Remote(pipe, map_side)),
        crm_side=cast("Connector", Remote(pipe, crm_side)),
    )


def tell(pipe: Connection, words: str) -> None:
    """Last words of the child: where it ends."""
    _send(pipe, (WORDS, words, ()))


def serve(
    pipe: Connection,
    vendors: Mapping[str, MemoryConnector],
    *,
    around: Callable[[str, bool], None],
) -> str | None:
    """Answer calls until the other end is gone; its last words, if it had any. `around(name,
    done)` is told of every call before and after it is carried out, and may kill the caller: its
    answer then goes nowhere."""
    words: str | None = None
    while True:
        try:
            system, name, arguments = _receive(pipe)
            if system == WORDS:
                words = name
                continue
            around(name, False)
            answer = _carried_out(pipe, vendors[system], name, arguments)
            around(name, True)
            _send(pipe, answer)
        except (EOFError, ConnectionResetError, BrokenPipeError):
            return words


def _carried_out(
    pipe: Connection, vendor: MemoryConnector, name: str, arguments: tuple[Any, ...]
) -> tuple[str, Any]:
    try:
        if name == "changes":
            return "done", list(vendor.changes(*arguments, landed=_AskedLanded(pipe)))
        if name == "census":
            return "done", list(vendor.census(*arguments))
        return "done", getattr(vendor, name)(*arguments)
    except LeadloopError as error:
        return "error", error
