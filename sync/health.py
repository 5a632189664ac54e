"""Loopback HTTP for whoever watches the daemon: /livez, /readyz, /metrics.

Alive: the scheduler's thread runs and no worker has been still for too long. Ready: the state
answers and every pair's last run is fresh. Metrics are read from the state at each scrape, so they
are right after a restart too; durations are counted by this process. Nothing here names a person.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog

from mappings.errors import ConfigurationError
from sync.config_service import ServiceConfig

log = structlog.get_logger("leadloop.health")

TEXT = "text/plain; version=0.0.4; charset=utf-8"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Probes:
    """What is asked at each request. The first two say what is wrong, by name; empty is well."""

    alive: Callable[[], Mapping[str, str]]
    ready: Callable[[], Mapping[str, str]]
    metrics: Callable[[], bytes]


@contextlib.contextmanager
def serving(service: ServiceConfig | None, probes: Probes) -> Iterator[tuple[str, int] | None]:
    """Serve until the block ends; where, or None where no `service` is configured.

    Raises ConfigurationError `config.port_in_use` when the port is taken.
    """
    if service is None:
        yield None
        return
    try:
        server = _Server((service.host, service.port), probes)
    except OSError as error:
        raise ConfigurationError(
            f"{service.host}:{service.port} cannot be listened on ({error.strerror})",
            code="config.port_in_use",
            remedy="Set another `service.port` in config.yaml (0 takes any free one), or stop what "
            "listens there.",
        ) from None
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="leadloop-health")
        thread.start()
        try:
            host, port = str(server.server_address[0]), int(server.server_address[1])
            log.info("health.listening", message=f"http://{host}:{port}")
            yield host, port
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], probes: Probes) -> None:
        self.probes = probes
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:
        """One of the three, or 404."""
        probes = self.server.probes
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, TEXT, probes.metrics())
        elif path in {"/livez", "/readyz"}:
            wrong = probes.alive() if path == "/livez" else probes.ready()
            said: dict[str, Any] = {"ok": not wrong, "wrong": dict(wrong)}
            self._answer(503 if wrong else 200, JSON, json.dumps(said).encode() + b"\n")
        else:
            self._answer(404, JSON, b'{"ok": false}\n')

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: a probe every few seconds is no event."""
