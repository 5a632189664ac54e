"""Damaged state files, many of them: `campaign(folder, count)` makes and opens that many variants.

A pristine state is taken as a crash leaves it (file, -wal and -shm of a process that was killed),
damaged in one of the ways in `WAYS`, opened and read whole. Opening must give a state as it was
after one of its commits, or refuse with an error of ours that names the file and says how to go on;
never anything else. One thing no check can see without checksums, which SQLite's file format has
not: a byte flipped inside a value that still reads as a value. Such files open, and are counted as
`opened_altered`.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mappings.errors import LeadloopError
from state import events, identity, mirror, outbox, reviews, runs, soundness
from state.failures import NAMED
from state.open import open_store
from state.store import Store
from tests.state.support import contact, event, intent, now

PAGE = 4096
STEPS = 12
"""Commits of the pristine state: each lands rows and moves the cursor by as many."""
ROWS = 25
NAME = "state.sqlite3"
CODES = {"state.damaged", "state.newer", "state.foreign", "state.read_only", "state.missing"}
"""What a damaged file may be refused with."""

Damage = Callable[[Path, random.Random], None]


@dataclass(frozen=True, slots=True)
class Tried:
    """What opening a variant came to: how it was damaged, and `opened`, `opened_altered`, or the
    code it was refused with.
    """

    way: str
    came_to: str


def pristine(folder: Path) -> None:
    """A state with `STEPS` commits, as a kill leaves it: the last of them only in the -wal."""
    source = folder / "source"
    source.mkdir(parents=True)
    url = f"sqlite:///{source / NAME}"
    store = open_store(url, clock=now, pair="main")
    for step in range(STEPS // 2):
        _commit(store, step)
    store.close()  # the last connection puts everything into the file
    store = open_store(url, clock=now, pair="main")
    with store.exclusive():
        for step in range(STEPS // 2, STEPS):
            _commit(store, step)
        for file in source.iterdir():  # while it is open: as it lies on the disk after a kill
            shutil.copy(file, folder / file.name)
    store.close()
    shutil.rmtree(source)


def _commit(store: Store, step: int) -> None:
    numbers = range(step * ROWS, (step + 1) * ROWS)
    with store.begin() as tx:
        mirror.land(tx, "run", "contacts", [contact(n) for n in numbers])
        events.land(tx, "run", "marketing", [event(f"e{n}") for n in numbers])
        outbox.journal(tx, "run", [intent(f"k{n}") for n in numbers])
        mirror.store_cursor(tx, "hubspot", "contacts", {"landed": numbers.stop}, complete=False)


def try_one(folder: Path, way: str, dice: random.Random) -> Tried:
    """Damage a copy of the pristine files in `folder`, and open it. Raises what is no error of
    ours, and AssertionError for a state that is no earlier one.
    """
    place = folder / "variant"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for file in folder.glob(f"{NAME}*"):
        shutil.copy(file, place / file.name)
    path = place / NAME
    WAYS[way](path, dice)
    try:
        return Tried(way, _read(path))
    except LeadloopError as error:
        refused = error
    said = f"{way}: {refused.message} [{refused.code}] {refused.remedy}"
    assert refused.code in CODES, said
    assert str(path) in refused.message or refused.code not in NAMED, said
    return Tried(way, refused.code)


def _read(path: Path) -> str:
    """Read everything; whether it is as it was after one of the commits."""
    store = open_store(f"sqlite:///{path}", clock=now, pair="main")
    try:
        with store.read() as tx:
            landed = int((mirror.cursor(tx, "hubspot", "contacts") or {"landed": 0})["landed"])
            rows = mirror.pending(tx, limit=10_000)
            open_intents = outbox.unsettled(tx, limit=10_000)
            happened = sum(events.dispositions(tx).values())
            runs.latest(tx)
            reviews.items(tx)
            identity.count(tx)
            outbox.dead_letters(tx)
            found = soundness.findings(tx)
        counts = {len(rows), len(open_intents), happened, landed}
        expected = [contact(n) for n in range(landed)]
        same = [row.record for row in rows] == expected and not found
        if len(counts) == 1 and landed % ROWS == 0 and same:
            return "opened"
        assert not path.with_name("whole").exists(), "an undamaged file must read as it was"
        return "opened_altered"
    finally:
        store.close()


# --- ways to damage ------------------------------------------------------------------------------


def _edit(path: Path, change: Callable[[bytearray], None]) -> None:
    content = bytearray(path.read_bytes()) if path.exists() else bytearray()
    change(content)
    path.write_bytes(content)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _truncated(path: Path, dice: random.Random) -> None:
    size = path.stat().st_size
    _edit(path, lambda b: b.__delitem__(slice(dice.randrange(1, size), None)))


def _cut_at_page(path: Path, dice: random.Random) -> None:
    pages = path.stat().st_size // PAGE
    _edit(path, lambda b: b.__delitem__(slice(dice.randrange(1, pages) * PAGE, None)))


def _zeroed_page(path: Path, dice: random.Random) -> None:
    at = dice.randrange(path.stat().st_size // PAGE) * PAGE
    _edit(path, lambda b: b.__setitem__(slice(at, at + PAGE), bytes(PAGE)))


def _random_page(path: Path, dice: random.Random) -> None:
    at = dice.randrange(path.stat().st_size // PAGE) * PAGE
    _edit(path, lambda b: b.__setitem__(slice(at, at + PAGE), dice.randbytes(PAGE)))


def _flipped(path: Path, dice: random.Random) -> None:
    def change(content: bytearray) -> None:
        for _ in range(dice.randrange(1, 40)):
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)

    _edit(path, change)


def _flipped_head(path: Path, dice: random.Random) -> None:
    _edit(path, lambda b: b.__setitem__(dice.randrange(100), dice.randrange(256)))


def _no_wal(path: Path, dice: random.Random) -> None:
    _beside(path, "-wal").unlink(missing_ok=True)
    if dice.random() < 0.5:
        _beside(path, "-shm").unlink(missing_ok=True)


def _cut_wal(path: Path, dice: random.Random) -> None:
    wal = _beside(path, "-wal")
    _edit(wal, lambda b: b.__delitem__(slice(dice.randrange(len(b) + 1), None)))


def _flipped_wal(path: Path, dice: random.Random) -> None:
    _flipped(_beside(path, "-wal"), dice)


def _rubbish_wal(path: Path, dice: random.Random) -> None:
    _beside(path, "-wal").write_bytes(dice.randbytes(dice.randrange(1, 20_000)))


def _rubbish_shm(path: Path, dice: random.Random) -> None:
    _beside(path, "-shm").write_bytes(dice.randbytes(dice.randrange(1, 70_000)))


def _empty(path: Path, dice: random.Random) -> None:
    path.write_bytes(b"")
    if dice.random() < 0.5:
        _no_wal(path, dice)


def _something_else(path: Path, dice: random.Random) -> None:
    path.write_bytes(dice.randbytes(dice.randrange(1, 50_000)))


def _newer(path: Path, dice: random.Random) -> None:
    store = open_store(f"sqlite:///{path}", clock=now, pair="main")
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE leadloop_version SET version_num = '{dice.randrange(1000, 9999)}'"  # noqa: S608
        )
    store.close()


def _no_version(path: Path, dice: random.Random) -> None:
    del dice
    store = open_store(f"sqlite:///{path}", clock=now, pair="main")
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM leadloop_version")
    store.close()


def _lost_table(path: Path, dice: random.Random) -> None:
    store = open_store(f"sqlite:///{path}", clock=now, pair="main")
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TABLE {dice.choice(['inbox', 'intents', 'runs'])}")
    store.close()


def _a_folder(path: Path, dice: random.Random) -> None:
    del dice
    path.unlink()
    path.mkdir()


def _whole(path: Path, dice: random.Random) -> None:
    del dice
    path.with_name("whole").touch()


WAYS: Mapping[str, Damage] = {
    "truncated": _truncated,
    "cut at a page": _cut_at_page,
    "a zeroed page": _zeroed_page,
    "a random page": _random_page,
    "flipped bits": _flipped,
    "flipped head": _flipped_head,
    "no -wal": _no_wal,
    "cut -wal": _cut_wal,
    "flipped -wal": _flipped_wal,
    "rubbish -wal": _rubbish_wal,
    "rubbish -shm": _rubbish_shm,
    "empty": _empty,
    "something else": _something_else,
    "newer": _newer,
    "no version": _no_version,
    "a lost table": _lost_table,
    "a folder": _a_folder,
    "whole": _whole,
}
"""Every way, by name; the last is none, so that the check itself is checked."""


def campaign(folder: Path, count: int, *, seed: int = 7) -> dict[str, dict[str, int]]:
    """Try so many variants, every way in turn; what each way came to, counted."""
    pristine(folder)
    dice = random.Random(seed)
    names = list(WAYS)
    found: dict[str, Counter[str]] = {name: Counter() for name in names}
    for number in range(count):
        tried = try_one(folder, names[number % len(names)], dice)
        found[tried.way][tried.came_to] += 1
    return {name: dict(counts) for name, counts in found.items()}
