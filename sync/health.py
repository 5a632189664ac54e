"""Loopback HTTP for whoever watches the daemon: /livez, /readyz, /metrics.

Alive: the scheduler's thread runs and no worker has been still for too long. Ready: the state
answers and every pair's last run is fresh. Metrics are read from the state at each scrape, so they
are right after a restart too; durations are counted by this process. A state that does not answer,
or not in time, is a 503 with its reason, never a dropped connection. Nothing here names a person.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Generic, TypeVar

import structlog

from mappings.errors import ConfigurationError, LeadloopError
from sync.config_service import ServiceConfig

log = structlog.get_logger("leadloop.health")

T = TypeVar("T")
PATIENCE_SECONDS = 5.0
"""How long a probe may take: less than the ten seconds after which Prometheus gives a scrape up
(prometheus.io/docs/prometheus/latest/configuration, scrape_timeout)."""
TEXT = "text/plain; version=0.0.4; charset=utf-8"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Probes:
    """What is asked at each request. The first two say what is wrong, by name; empty is well."""

    alive: Callable[[], Mapping[str, str]]
    ready: Callable[[], Mapping[str, str]]
    metrics: Callable[[], bytes]


class NoAnswerError(Exception):
    """A probe failed or took too long; its text is for whoever asked, without any values."""


class Asked(Generic[T]):
    """Asks a probe in a thread of its own, so that one that hangs keeps nobody waiting.

    Whoever asks while it is being asked gets the same answer; one that hangs is not asked again
    before it has come back.
    """

    def __init__(self, probe: Callable[[], T], patience: float = PATIENCE_SECONDS) -> None:
        self._probe, self._patience = probe, patience
        self._lock = threading.Lock()
        self._asking: Future[T] | None = None

    def __call__(self) -> T:
        """The answer. Raises NoAnswerError."""
        with self._lock:
            if self._asking is None or self._asking.done():
                self._asking = Future()
                work = threading.Thread(target=self._ask, args=(self._asking,), daemon=True)
                work.start()
            asking = self._asking
        try:
            return asking.result(self._patience)
        except TimeoutError:
            raise NoAnswerError(f"no answer within {self._patience:g} s") from None
        except LeadloopError as error:
            raise NoAnswerError(error.code) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever watches is told
            raise NoAnswerError(f"unexpected {type(error).__name__}") from None

    def _ask(self, asking: Future[T]) -> None:
        try:
            asking.set_result(self._probe())
        except BaseException as error:  # noqa: BLE001 - raised where the answer is awaited
            asking.set_exception(error)


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
        self.alive, self.ready = Asked(probes.alive), Asked(probes.ready)
        self.metrics = Asked(probes.metrics)
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:
        """One of the three, or 404."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._tell_metrics()
        elif path in {"/livez", "/readyz"}:
            self._tell(self.server.alive if path == "/livez" else self.server.ready)
        else:
            self._answer(404, JSON, b'{"ok": false}\n')

    def _tell_metrics(self) -> None:
        try:
            status, text = 200, self.server.metrics()
        except NoAnswerError as error:
            status, text = 503, f"# {error}\n".encode()
        self._answer(status, TEXT, text)

    def _tell(self, probe: Callable[[], Mapping[str, str]]) -> None:
        try:
            wrong = dict(probe())
        except NoAnswerError as error:
            wrong = {"probe": str(error)}
        said: dict[str, Any] = {"ok": not wrong, "wrong": wrong}
        self._answer(503 if wrong else 200, JSON, json.dumps(said).encode() + b"\n")

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: a probe every few seconds is no event."""
