"""One person against a population: how long it takes to find out who they are, and what it costs.

Generated people (`benchmarks/crowd.py`) are put into the durable index of a state, chunk by chunk
and never held. Then people, six in ten of whom are among them, are written down again and looked
for one at a time: their candidates by blocking key, the decision about them, and putting them into
the index, each in a transaction of its own. The same is done with everybody in memory. Times are
of the single person, in milliseconds of the clock and of CPU: the clock's say as much about who
else uses the machine. Memory is read on the way; `found` is the share of those who are there whose
record is among the candidates.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.backfill import SAY
from benchmarks.crowd import drawer, retyped
from benchmarks.in_memory import InMemory
from benchmarks.table_pen import Row
from benchmarks.watch import machine, rss_mib
from mappings.records import PersonAttributes, Side
from matching.blocking import blocking_keys
from matching.linker import Candidate, decide
from matching.model import Model, default_model
from matching.normalise import Person, normalise
from state import candidates
from state.candidates import ENOUGH, Indexed
from state.open import open_store
from state.store import Store

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
CHUNK = 2_000
ASKED = 2_000
"""People looked for one at a time."""
UPSERTS = 500
"""People put into the index one at a time."""
_KEPT_EVERY = 7
_READINGS = (0.1, 0.25, 0.5, 1.0)
"""After which shares of the population memory is read."""

Timed = dict[str, float]


def online(people: int, say: SAY, url: str | None = None) -> dict[str, Any]:
    """The figures: seconds of the building, MiB on disk and in memory, milliseconds a person.
    `url` is an empty state to use, a file of its own where there is none."""
    with tempfile.TemporaryDirectory(prefix="leadloop_bench_") as name:
        where = url or f"sqlite:///{Path(name)}/state.sqlite3"
        store = open_store(where, clock=lambda: NOW, pair="main")
        say(f"putting {people:,} people into the index")
        began = time.process_time()
        rss, known = _fill(store, people, say)
        found: dict[str, Any] = {
            "people": people,
            "build_cpu_seconds": round(time.process_time() - began, 1),
            "index_mib": _on_disk(store),
            "rss_mib": rss,
        }
        found["index_bytes_per_person"] = round(found["index_mib"] * 2**20 / people)
        say("looking for people one at a time")
        asked = list(_asked(known))
        found["durable_ms"] = _durable(store, asked)
        found["upsert_ms"] = _upserts(store, [person for _, person in asked[:UPSERTS]])
        found["rss_mib"]["after_the_searches"] = rss_mib()
        store.close()
    say("the same with everybody in memory")
    found["in_memory_ms"] = _in_memory(people, asked)
    found["machine"] = machine()
    return found


def _population(people: int) -> Iterator[tuple[str, Row]]:
    draw = drawer(random.Random("online"))
    for at in range(people):
        yield _key(at), draw()


def _key(at: int) -> str:
    return f"salesforce:Contact:003{at:015d}"


def _person(row: Row) -> Person:
    return normalise(
        PersonAttributes(
            given_name=row["first_name"],
            family_name=row["last_name"],
            emails=(row["email"],) if row["email"] else (),
            phones=(row["phone"],) if row["phone"] else (),
            street=row["address"],
            city=row["city"],
            postcode=row["postcode"],
            birth_date=row["dob"],
        )
    )


def _indexed(key: str, person: Person) -> Indexed:
    return Indexed(key, Side.CRM, "person", person.to_json(), blocking_keys(person))


def _fill(store: Store, people: int, say: SAY) -> tuple[dict[str, Any], dict[int, Row]]:
    """MiB of the process on the way; some of the rows by their number."""
    chunk: list[Indexed] = []
    rss: dict[str, Any] = {}
    known: dict[int, Row] = {}
    readings = {max(int(share * people), 1): f"after_{share:.0%}" for share in _READINGS}
    for at, (key, row) in enumerate(_population(people), start=1):
        if at % _KEPT_EVERY == 0 and len(known) < ASKED:
            known[at - 1] = row
        chunk.append(_indexed(key, _person(row)))
        if len(chunk) == CHUNK or at == people:
            with store.begin() as tx:
                candidates.index(tx, chunk)
            chunk = []
        if at in readings:
            rss[readings[at]] = rss_mib()
            say(f"{at:,} are in")
    return rss, known


def _on_disk(store: Store) -> float:
    """MiB of the state, which holds nothing but the index."""
    with store.read() as tx:
        if tx.connection.dialect.name == "postgresql":
            size = tx.connection.exec_driver_sql(
                "SELECT pg_total_relation_size('blocking') + pg_total_relation_size('indexed')"
            )
            return round(int(size.scalar_one()) / 2**20, 1)
        pages, size_of_one = (
            int(tx.connection.exec_driver_sql(f"pragma {name}").scalar_one())
            for name in ("page_count", "page_size")
        )
    return round(pages * size_of_one / 2**20, 1)


def _asked(known: Mapping[int, Row]) -> Iterator[tuple[int | None, Person]]:
    """People written down again, with the number they have, and four in ten whom nobody knows."""
    rng = random.Random("asked")
    draw = drawer(rng)
    for number, row in known.items():
        if rng.random() < 0.6:
            yield number, _person(retyped(rng, row, draw))
        else:
            yield None, _person(draw())


# --- one at a time ------------------------------------------------------------------------------


def _durable(store: Store, asked: Sequence[tuple[int | None, Person]]) -> dict[str, Any]:
    def look(person: Person) -> dict[str, Person]:
        with store.read() as tx:
            near = candidates.near(tx, {"asked": blocking_keys(person)}, enough=ENOUGH)
        return {key: Person.from_json(one.person) for key, one in near.records.items()}

    return _looked(look, asked, default_model(), _key)


def _in_memory(people: int, asked: Sequence[tuple[int | None, Person]]) -> dict[str, Any]:
    index = InMemory(_person(row) for _, row in _population(people))
    return _looked(index.near, asked, default_model(), str)


def _looked(
    look: Callable[[Person], Mapping[str, Person]],
    asked: Sequence[tuple[int | None, Person]],
    model: Model,
    named: Callable[[int], str],
) -> dict[str, Any]:
    """Milliseconds of finding the candidates, and of that and deciding; candidates a person."""
    looking, deciding = _Watch(), _Watch()
    many: list[int] = []
    there, hit = 0, 0
    for number, person in asked:
        looking.start()
        deciding.start()
        found = look(person)
        looking.stop()
        near = [Candidate(key, one) for key, one in found.items()]
        decide({"asked": person}, {"asked": near}, model=model)
        deciding.stop()
        many.append(len(found))
        if number is not None:
            there, hit = there + 1, hit + (named(number) in found)
    many.sort()
    return {
        "candidates": {"p50": many[len(many) // 2], "most": many[-1]},
        "found": round(hit / max(there, 1), 4),
        "look": looking.spread(),
        "decide": deciding.spread(),
    }


def _upserts(store: Store, asked: Sequence[Person]) -> dict[str, Timed]:
    """Milliseconds of putting somebody into the index, in a transaction of its own: every second a
    record that changed, every second a new one."""
    watch = _Watch()
    for at, person in enumerate(asked):
        row = _indexed(_key(at * _KEPT_EVERY if at % 2 else 10**12 + at), person)
        watch.start()
        with store.begin() as tx:
            candidates.index(tx, [row])
        watch.stop()
    return watch.spread()


class _Watch:
    """Times of many passes, by the clock and of CPU."""

    def __init__(self) -> None:
        self._clock: list[float] = []
        self._cpu: list[float] = []
        self._began = (0.0, 0.0)

    def start(self) -> None:
        """A pass begins."""
        self._began = (time.perf_counter(), time.thread_time())

    def stop(self) -> None:
        """It ends."""
        clock, cpu = self._began
        self._cpu.append(time.thread_time() - cpu)
        self._clock.append(time.perf_counter() - clock)

    def spread(self) -> dict[str, Timed]:
        """Milliseconds: the median, the 99th of a hundred, the longest."""
        return {"clock": _spread(self._clock), "cpu": _spread(self._cpu)}


def _spread(seconds: Sequence[float]) -> Timed:
    ordered = sorted(seconds)
    return {
        name: round(ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1000, 3)
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    }
