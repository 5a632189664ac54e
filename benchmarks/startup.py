"""How long `leadloop --help` takes, beside the interpreter doing nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.figures import start_figures

RUNS = 10
_MAIN = "import sys; from sync.cli.main import main; sys.exit(main(sys.argv[1:]))"


def command(*arguments: str) -> list[str]:
    """The installed command with these arguments; from a bare checkout, what it would run."""
    installed = Path(sys.executable).with_name("leadloop")
    start = [str(installed)] if installed.exists() else [sys.executable, "-c", _MAIN]
    return [*start, *arguments]


def start_times(runs: int = RUNS) -> dict[str, Any]:
    """Medians over `runs`, the two taken in turns, so that a busy machine slows both alike."""
    ours, bare = [], []
    for _ in range(runs):
        bare.append(_wall([sys.executable, "-c", "pass"]))
        ours.append(_wall(command("--help")))
    return start_figures(ours, bare)


def _wall(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
