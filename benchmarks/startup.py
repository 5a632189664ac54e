"""How long `leadloop --help` takes, beside the interpreter doing nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.figures import start_figures

RUNS = 10
_HELP = "import sys; from sync.cli.main import main; sys.exit(main(['--help']))"


def help_command() -> list[str]:
    """The installed command; from a bare checkout, what it would run."""
    installed = Path(sys.executable).with_name("leadloop")
    return [str(installed), "--help"] if installed.exists() else [sys.executable, "-c", _HELP]


def start_times(runs: int = RUNS) -> dict[str, Any]:
    """Medians over `runs`, the two taken in turns, so that a busy machine slows both alike."""
    ours, bare = [], []
    for _ in range(runs):
        bare.append(_wall([sys.executable, "-c", "pass"]))
        ours.append(_wall(help_command()))
    return start_figures(ours, bare)


def _wall(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
