"""A loopback server between the connectors and the sandbox that spoils what is read.

It stands for a vendor that answers rubbish: rows it was told about are spoilt in every answer that
reads them, the same way each time; every so often a whole answer is. Writes go through untouched.
"""

from __future__ import annotations

import http.client
import json
import random
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from tests.hostile.payloads import KINDS, damaged, encoded

LISTS = ("results", "records", "events")
TYPES = ("application/json", "application/json; charset=latin-1", "text/plain", "text/html")
"""Content types that right answers are given with."""
MARK = "@@rows@@"
READS = ("/search", "/batch/read")
KEPT = ("x-hubspot", "sforce", "date", "location")


@dataclass
class Plan:
    """What to spoil: row ids by kind, ids whose rows spoil the answer they are in, and the share
    of answers spoilt as a whole. `calm` lets everything through."""

    seed: int
    rows: dict[str, str] = field(default_factory=dict)
    poison: set[str] = field(default_factory=set)
    whole: float = 0.0
    calm: bool = False
    served: int = 0
    spoilt: int = 0

    def change(self, path: str, sent: bytes, body: bytes) -> tuple[bytes, str]:
        """What is answered instead, and the content type it is given."""
        if self.calm:
            return body, "application/json"
        self.served += 1
        rng = random.Random(f"{self.seed}:{self.served}")
        if rng.random() < self.whole:
            self.spoilt += 1
            return damaged(body, rng)
        return self._spoilt(path, sent, body), rng.choice(TYPES)

    def _spoilt(self, path: str, sent: bytes, body: bytes) -> bytes:
        """The answer with the rows it holds spoilt as planned."""
        parsed = json.loads(body)
        if row_id(parsed) in self.poison:
            return body[: len(body) // 2]
        if row_id(parsed) in self.rows:
            return self._row(parsed)
        name = next((n for n in LISTS if isinstance(parsed, dict) and n in parsed), None)
        if name is None or not isinstance(parsed[name], list):
            return body
        ids = {row_id(row) for row in parsed[name]}
        if ids & self.poison and not _is_bare(path, sent):
            return body[: len(body) // 2]
        return self._rows(parsed, name)

    def _rows(self, parsed: Mapping[str, Any], name: str) -> bytes:
        rows = b",".join(self._row(row) for row in parsed[name])
        whole = json.dumps({**parsed, name: MARK}).encode()
        return whole.replace(f'"{MARK}"'.encode(), b"[" + rows + b"]")

    def _row(self, row: Any) -> bytes:
        kind = self.rows.get(row_id(row))
        if kind is None:
            return encoded(row)
        return KINDS[kind].spoil(row, random.Random(f"{self.seed}:{row_id(row)}"))


def row_id(row: Any) -> str:
    """What a row is called in a plan."""
    if not isinstance(row, dict):
        return ""
    return str(row.get("conversionId") or row.get("Id") or row.get("id") or "")


def _is_bare(path: str, sent: bytes) -> bool:
    """Whether ids and stamps alone were asked for."""
    if "/query" in path:
        return "SELECT+Id%2C+SystemModstamp+FROM" in path or unquote(path).startswith(
            "SELECT Id, SystemModstamp FROM"
        )
    if sent:
        return len(json.loads(sent).get("properties", [])) == 1
    query = urlsplit(path).query
    return any(
        part.startswith("properties=") and "," not in unquote(part) for part in query.split("&")
    )


class Changes(Protocol):
    """Decides what is answered instead of what the vendor answers."""

    def change(self, path: str, sent: bytes, body: bytes, /) -> tuple[bytes, str]:
        """The body, and the content type it is given."""


def _reads(method: str, path: str) -> bool:
    plain = urlsplit(path).path
    if "associations" in plain or plain.endswith(("/describe", "/token", "/details", "/limits/")):
        return False
    if "/properties/" in plain:
        return False
    return method == "GET" or plain.endswith(READS)


@contextmanager
def serving(
    upstream: str, plan: Changes, *, tls: ssl.SSLContext | None, trust: ssl.SSLContext | None
) -> Iterator[str]:
    """The address of a proxy before `upstream`; `tls` is what it serves with, `trust` what it
    trusts the upstream by."""
    target = urlsplit(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(length) if length else b""
            line: http.client.HTTPConnection
            if trust is not None:
                line = http.client.HTTPSConnection(target.netloc, context=trust, timeout=60)
            else:
                line = http.client.HTTPConnection(target.netloc, timeout=60)
            headers = {k: v for k, v in self.headers.items() if k.lower() != "accept-encoding"}
            headers["Host"] = target.netloc
            line.request(self.command, self.path, body=sent or None, headers=headers)
            reply = line.getresponse()
            body, kind = reply.read(), reply.headers.get("Content-Type", "application/json")
            line.close()
            if reply.status == 200 and _reads(self.command, self.path):
                body, kind = plan.change(self.path, sent, body)
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                if name.lower().startswith(KEPT):
                    self.send_header(name, value)
            self.send_header("Content-Type", kind)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 - http.server's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    scheme = "http"
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    thread = threading.Thread(target=server.serve_forever, name="hostile", daemon=True)
    thread.start()
    try:
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
