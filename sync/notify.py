"""Telling systemd how the service is: sd_notify(3), over the datagram socket it names.

Does nothing where no socket is named (`NOTIFY_SOCKET`): a terminal, a container, another
supervisor. A message that cannot be sent is lost, never an error: the work goes on.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

ABSTRACT = "@"
"""How systemd writes the NUL that an abstract socket address begins with."""


@dataclass(frozen=True, slots=True)
class Notifier:
    """`address` is the socket's, None for nobody to tell; `watchdog` in seconds, None for off."""

    address: str | None = None
    watchdog: float | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str], *, pid: int) -> Notifier:
        """What this process was started with. A watchdog meant for another process is not ours."""
        address = environ.get("NOTIFY_SOCKET") or None
        wanted, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(pid))
        ours = wanted.isdecimal() and int(wanted) > 0 and whose == str(pid)
        return cls(address, int(wanted) / 1_000_000 if ours and address else None)

    @property
    def interval(self) -> float | None:
        """Seconds between two signs of life: half of what systemd waits for one, as it advises."""
        return self.watchdog / 2 if self.watchdog is not None else None

    def ready(self, status: str) -> None:
        """Starting, or reading the configuration again, is over."""
        self.send(READY="1", STATUS=status)

    def reloading(self) -> None:
        """The configuration is being read again."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.send(RELOADING="1", MONOTONIC_USEC=str(now))

    def stopping(self) -> None:
        """The end has begun."""
        self.send(STOPPING="1", STATUS="letting the batch in hand finish")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self.send(STATUS=text)

    def alive(self) -> None:
        """A sign of life, for the watchdog."""
        self.send(WATCHDOG="1")

    def send(self, **fields: str) -> None:
        """One datagram of `NAME=value` lines."""
        if self.address is None:
            return
        where = self.address
        if where.startswith(ABSTRACT):
            where = "\0" + where[1:]
        message = "\n".join(f"{name}={value}" for name, value in fields.items()).encode()
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told,
        ):
            told.sendto(message, where)


def from_environment() -> Notifier:
    """The notifier of this process."""
    return Notifier.of(os.environ, pid=os.getpid())
