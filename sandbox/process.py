"""A sandbox in a process of its own, for the demo, the benchmarks and the tests.

    with start_process(directory) as sandbox:
        sandbox.info["hubspot"]["url"]

The child is the interpreter that runs this, so that it sees the same environment.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

_STOP_SECONDS = 5.0


class SandboxProcess:
    """A running sandbox; `info` is its announcement (see `python -m sandbox --json`).

    Its messages are in `log`. Use it as a context manager, or call `stop`.
    """

    def __init__(self, process: subprocess.Popen[str], info: dict[str, Any], log: Path) -> None:
        self._process = process
        self.info = info
        self.log = log

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def admin_url(self) -> str:
        """Where the admin endpoint listens."""
        return str(self.info["admin_url"])

    @property
    def running(self) -> bool:
        """True until the process has ended."""
        return self._process.poll() is None

    def stop(self) -> int:
        """Ask it to end (SIGTERM), insist after five seconds; returns the exit code."""
        if self.running:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        code = self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start_process(
    directory: Path,
    *,
    world: str | None = "generated",
    people: int = 2000,
    crm_records: int | None = None,
    seed: int = 7,
    hubspot_port: int = 0,
    salesforce_port: int = 0,
    admin_port: int = 0,
    proxy_port: int | None = None,
    timeout: float = 120.0,
) -> SandboxProcess:
    """Start `python -m sandbox` and wait until it listens; arguments as SandboxOptions.

    Raises RuntimeError with the end of its log when it dies or says nothing for `timeout` seconds.
    """
    command = [
        *(sys.executable, "-m", "sandbox", "--json", "--dir", str(directory)),
        *(["--empty"] if world is None else ["--world", world, "--people", str(people)]),
        *([] if crm_records is None else ["--crm-records", str(crm_records)]),
        *("--seed", str(seed), "--hubspot-port", str(hubspot_port)),
        *("--salesforce-port", str(salesforce_port), "--admin-port", str(admin_port)),
        *([] if proxy_port is None else ["--proxy-port", str(proxy_port)]),
    ]
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / "sandbox.log"
    with log.open("w", encoding="utf-8") as messages:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=messages, text=True, env=_environment()
        )
    line = "" if process.stdout is None else _first_line(process.stdout, timeout)
    if not line:
        SandboxProcess(process, {}, log).stop()
        tail = log.read_text(encoding="utf-8")[-2000:]
        message = f"the sandbox did not start: {tail.strip() or 'no message'}"
        raise RuntimeError(message)
    return SandboxProcess(process, json.loads(line), log)


def _environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[1])
    others = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{others}" if others else root}


def _first_line(stream: IO[str], timeout: float) -> str:
    """The first line of its output; empty when it ended or kept silent too long."""
    lines: queue.Queue[str] = queue.Queue()

    threading.Thread(target=lambda: lines.put(stream.readline()), daemon=True).start()
    try:
        return lines.get(timeout=timeout)
    except queue.Empty:
        return ""
