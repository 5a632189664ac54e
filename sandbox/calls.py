"""Counts of the calls each vendor received, by system, method and path template.

A template is the route as declared ("/crm/v3/objects/{object_type}/batch/read"), so that counts
do not scatter over record ids; a path no route knows counts under "(unknown)".
"""

from __future__ import annotations

from collections import Counter


class Calls:
    """Counts since the last reset."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def record(self, system: str, method: str, template: str) -> None:
        """Count one call."""
        self._counts[(system, method, template)] += 1

    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """`{system: {method: {template: count}}}`, sorted, only what was called."""
        tree: dict[str, dict[str, dict[str, int]]] = {}
        for (system, method, template), count in sorted(self._counts.items()):
            tree.setdefault(system, {}).setdefault(method, {})[template] = count
        return tree

    def total(self, system: str | None = None) -> int:
        """All calls, or those one system received."""
        return sum(n for key, n in self._counts.items() if system in (None, key[0]))

    def reset(self) -> None:
        """Start counting from nothing."""
        self._counts.clear()
