"""`leadloop run`: the daemon."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.session import UsageFault, session_of

if TYPE_CHECKING:
    from sync.config import Config


def command(
    ctx: typer.Context,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Answer /livez, /readyz and /metrics here: 127.0.0.1:8901."
        ),
    ] = None,
) -> None:
    """Run as a daemon, on schedule, until told to stop.

    Logs to stderr, as JSON unless that is a terminal. SIGTERM and Ctrl-C let the batch in hand
    finish and end it within ten seconds, with exit code 0. Changed files of the configuration are
    noticed and read again between two batches, at once on SIGHUP; where they are not valid the last
    good ones stay in force. Speaks sd_notify where systemd listens.
    """
    stop, reload = threading.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    signal.signal(signal.SIGHUP, lambda *_: reload.set())
    session = session_of(ctx)
    config = _listening(session.config(daemon=True), listen)
    from sync.daemon import Calls, serve
    from sync.garbage import few_collections
    from sync.notify import from_environment

    calls = Calls(stop, _end_now, reload, lambda: _listening(session.config_again(), listen))
    with few_collections():
        serve(config, calls, notifier=from_environment())


def _listening(config: Config, listen: str | None) -> Config:
    """The configuration, with `--listen` in the place of its `service`."""
    from dataclasses import replace

    from sync.config_service import ServiceConfig, is_loopback

    if listen is None:
        return config
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if not port.isdecimal() or int(port) > 65_535 or not is_loopback(host):  # noqa: PLR2004 - TCP's
        raise UsageFault(
            "--listen needs HOST:PORT with an address of this machine alone",
            remedy="Write 127.0.0.1:8901; for an address others can reach, set `service` in "
            "config.yaml with `expose: true`.",
        )
    return replace(config, service=ServiceConfig(host, int(port)))


def _end_now() -> None:
    """End without waiting for threads; what is open is looked up by the next run."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
