"""`leadloop run`: the daemon."""

from __future__ import annotations

import os
import signal
import sys
import threading

import typer

from sync.cli.session import session_of


def command(ctx: typer.Context) -> None:
    """Run as a daemon, on schedule, until told to stop.

    Logs to stderr, as JSON unless that is a terminal. SIGTERM and Ctrl-C let the batch in hand
    finish and end it within ten seconds, with exit code 0.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    config = session_of(ctx).config(daemon=True)
    from sync.daemon import serve

    serve(config, stop=stop, abandon=_end_now)


def _end_now() -> None:
    """End without waiting for threads; what is open is looked up by the next run."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
