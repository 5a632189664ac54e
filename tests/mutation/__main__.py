"""`make mutants`: break the deciding modules one spot at a time and count which breaks a test sees.

Which modules, and the quick tests that are asked, stand in pyproject.toml (`tool.mutmut`); names
as arguments (`ARGS="'sync.guard*'"`) try those alone. Prints figures as one JSON object on stdout,
the breaks nobody saw on stderr. Exits 1 below the goal.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

GOAL = 0.9
"""Share of the breaks that tests must see."""
FOLDER = Path("mutants")
TOOL = [str(Path(sys.executable).with_name("mutmut"))]


def main(arguments: list[str]) -> int:
    """Run, count, tell."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    ran = subprocess.run(
        [*TOOL, "run", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    told = subprocess.run(
        [*TOOL, "results", "--all", "true"], capture_output=True, text=True, check=False
    ).stdout
    listed = dict(_split(line) for line in told.splitlines() if "__mutmut_" in line)
    found = {name: how for name, how in listed.items() if how != "not checked"}
    if not found:
        sys.stderr.write(ran.stderr.decode(errors="replace")[-2000:])
        return 1
    figures = _figures(found)
    sys.stderr.writelines(f"{name}: {how}\n" for name, how in found.items() if how != "killed")
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0 if figures["share"] >= GOAL else 1


def _split(line: str) -> tuple[str, str]:
    name, _, how = line.strip().rpartition(": ")
    return name, how


def _figures(found: dict[str, str]) -> dict[str, Any]:
    """Breaks and those that were seen, in all and by module. One that never ends was seen."""
    modules: dict[str, Counter[str]] = {}
    for name, how in found.items():
        module = name.rpartition(".")[0]
        seen = "seen" if how in {"killed", "timeout", "segfault"} else "unseen"
        modules.setdefault(module, Counter())[seen] += 1
    seen_in_all = sum(counts["seen"] for counts in modules.values())
    return {
        "breaks": len(found),
        "seen": seen_in_all,
        "share": round(seen_in_all / len(found), 4),
        "modules": {name: dict(counts) for name, counts in sorted(modules.items())},
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
