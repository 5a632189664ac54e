"""One run in a process of its own: `python -m tests.sync.crashing FOLDER`, killed where
LEADLOOP_CRASH_AT says."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.sync.world import World

if __name__ == "__main__":
    made = World.build(Path(sys.argv[1]), durable=True)
    report = made.run()
    made.close()
    sys.exit(report.exit_code)
