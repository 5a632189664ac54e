"""The plan file: what a person approves, as `leadloop plan --out` writes it.

Holds which pair and accounts it is for, under which mapping it was made, how much it would change,
and the fingerprint of every write. No field values and no names: it may be passed around. Reading
checks everything; a file that was cut, edited or made for something else is never half believed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from mappings.errors import ConfigurationError, MassChangeRefusedError

KIND = "leadloop-plan"
FORMAT = 1
LARGEST = 512 * 1024 * 1024
"""Bytes of a file that is still taken for a plan: some ten million writes."""
MARKS = "fingerprints"
_AGAIN = "Make a new one: `leadloop plan --out plan.json`."


@dataclass(frozen=True, slots=True)
class PlanFile:
    """An approved plan's identity. `namespace` is both account ids, `counts` are intents by
    `side.operation.object`, `kinds` what the guard counts, `made_at` is aware UTC.
    """

    plan: str
    pair: str
    namespace: str
    config_hash: str
    mapping_hash: str
    made_at: datetime
    counts: Mapping[str, int]
    kinds: Mapping[str, int]
    fingerprints: frozenset[str]


@dataclass(frozen=True, slots=True)
class PlanMarks:
    """What approving a plan needs of it: whose it is, and its writes' fingerprints. JSON-able."""

    pair: str
    namespace: str
    mapping_hash: str
    fingerprints: Sequence[str]

    @classmethod
    def of(cls, plan: PlanFile) -> PlanMarks:
        """The marks of a plan file."""
        return cls(plan.pair, plan.namespace, plan.mapping_hash, sorted(plan.fingerprints))


def plan_id(fingerprints: frozenset[str], namespace: str, mapping_hash: str) -> str:
    """The id of a plan: the same plan has the same id, whenever it is made."""
    text = json.dumps([namespace, mapping_hash, sorted(fingerprints)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def write_plan(path: Path, plan: PlanFile) -> None:
    """Write the file, whole or not at all, mode 0600. Raises ConfigurationError when it cannot."""
    head = {"kind": KIND, "format": FORMAT}
    head |= {f.name: getattr(plan, f.name) for f in fields(plan) if f.name != MARKS}
    head["made_at"] = plan.made_at.astimezone(UTC).isoformat()
    marks = sorted(plan.fingerprints)
    head["checksum"] = _checksum(head, marks)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                _write(file, head, marks)
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigurationError(
            f"the plan cannot be written to {path}: {error.strerror}",
            code="plan.unwritable",
            remedy="Name a file in a directory this user may write to: `--out PATH`.",
        ) from None


def read_plan(path: Path) -> PlanFile:
    """The plan in the file. Raises ConfigurationError: `plan.missing`, `plan.unreadable`,
    `plan.format` (another version's), `plan.corrupt` (cut or edited).
    """
    body = _document(path)
    if body.get("kind") != KIND:
        raise _fault(f"{path} is no plan of Leadloop's", "plan.unreadable")
    if body.get("format") != FORMAT:
        raise _fault(
            f"{path} has plan format {str(body.get('format'))[:20]}; this version reads {FORMAT}",
            "plan.format",
        )
    if not _is_whole(body):
        raise _fault(f"{path} is not as `leadloop plan` wrote it", "plan.corrupt")
    try:
        return _plan(body)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _fault(f"{path} is not as `leadloop plan` wrote it", "plan.corrupt") from None


def check_pair(plan: PlanFile | PlanMarks, *, pair: str) -> None:
    """Raise ConfigurationError `plan.wrong_pair` unless the plan is for this pair."""
    if plan.pair != pair:
        raise _fault(f"the plan is for the pair `{plan.pair}`, not `{pair}`", "plan.wrong_pair")


def check_plan(plan: PlanFile | PlanMarks, *, pair: str, namespace: str, mapping_hash: str) -> None:
    """Raise unless the plan was made for this pair, these accounts and this mapping.

    ConfigurationError `plan.wrong_pair` or `plan.wrong_account`; MassChangeRefusedError
    `plan.wrong_mapping`, since a changed mapping needs a new word.
    """
    check_pair(plan, pair=pair)
    if plan.namespace != namespace:
        raise _fault("the plan was made for other accounts than these", "plan.wrong_account")
    if plan.mapping_hash != mapping_hash:
        raise MassChangeRefusedError(
            "the mapping has changed since the plan was made",
            code="plan.wrong_mapping",
            remedy=f"{_AGAIN} Read it, then `leadloop sync --plan plan.json`.",
        )


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise _fault(f"{path} is too large to be a plan", "plan.unreadable")
        body = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _fault(f"there is no plan at {path}", "plan.missing") from None
    except OSError as error:
        what = f"the plan {path} cannot be read: {error.strerror}"
        raise _fault(what, "plan.unreadable") from None
    except (ValueError, RecursionError):
        raise _fault(f"{path} is no JSON: cut short, or another file", "plan.unreadable") from None
    if not isinstance(body, dict):
        raise _fault(f"{path} is no plan of Leadloop's", "plan.unreadable")
    return body


def _plan(body: Mapping[str, Any]) -> PlanFile:
    made_at = datetime.fromisoformat(body["made_at"])
    if made_at.tzinfo is None:
        message = "a plan's time is aware"
        raise ValueError(message)
    return PlanFile(
        plan=str(body["plan"]),
        pair=str(body["pair"]),
        namespace=str(body["namespace"]),
        config_hash=str(body["config_hash"]),
        mapping_hash=str(body["mapping_hash"]),
        made_at=made_at,
        counts={str(key): int(value) for key, value in body["counts"].items()},
        kinds={str(key): int(value) for key, value in body["kinds"].items()},
        fingerprints=frozenset(str(one) for one in body["fingerprints"]),
    )


def _write(file: IO[str], head: Mapping[str, Any], marks: Iterable[str]) -> None:
    """The document, a fingerprint a line: however many there are, none is copied."""
    file.write(json.dumps(head, indent=1).removesuffix("\n}") + f',\n "{MARKS}": [')
    for number, mark in enumerate(marks):
        file.write(f'{"," if number else ""}\n  "{mark}"')
    file.write("\n ]\n}\n")


def _is_whole(body: Mapping[str, Any]) -> bool:
    head = {name: value for name, value in body.items() if name not in (MARKS, "checksum")}
    marks = body.get(MARKS)
    listed = isinstance(marks, list) and all(isinstance(mark, str) for mark in marks)
    return listed and body.get("checksum") == _checksum(head, marks)  # type: ignore[arg-type]


def _checksum(head: Mapping[str, Any], marks: Iterable[str]) -> str:
    """Over everything but itself: finds cuts and edits; it is no signature."""
    seal = hashlib.sha256(json.dumps(head, sort_keys=True, separators=(",", ":")).encode())
    for mark in marks:
        seal.update(b"\n" + mark.encode())
    return seal.hexdigest()


def _fault(message: str, code: str) -> ConfigurationError:
    return ConfigurationError(message, code=code, remedy=_AGAIN)
