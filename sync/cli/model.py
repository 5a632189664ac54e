"""`leadloop model`: what the linkage model says, how it would change, and a new one in use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync import models
from sync.cli import output
from sync.cli.session import Session, UsageFault, has_state, session_of

if TYPE_CHECKING:
    from state.store import Store
    from sync.config import Config, PairConfig
    from sync.orders import Order

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Train, show or compare linkage models.",
)

PairOption = Annotated[str | None, typer.Option("--pair", help="The pair whose model is meant.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("show")
def show(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A model file (default: the one in use).")
    ] = None,
    pair: PairOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a model: the bits each level of agreement is worth."""
    body = _read(file) if file is not None else _in_use(session_of(ctx), pair)
    if as_json:
        output.emit_json("model show", models.as_json(body))
        return
    console = output.console()
    console.print(f"model {body.get('version')}, prior {models.prior(body):+.2f}", markup=False)
    rows = [
        [field, level, f"{bits:+.2f}"]
        for field, levels in models.weights(body).items()
        for level, bits in levels.items()
    ]
    console.print(output.table("", ["field", "level", "bits"], rows))


@app.command("compare")
def compare(
    ctx: typer.Context,
    first: Annotated[Path, typer.Argument(metavar="FIRST", help="A model file.")],
    second: Annotated[
        Path | None, typer.Argument(metavar="SECOND", help="Another (default: the one in use).")
    ] = None,
    pair: PairOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two models: the levels whose weight differs, the largest difference first."""
    before = _read(first)
    after = _read(second) if second is not None else _in_use(session_of(ctx), pair)
    _print_changes("model compare", before, after, as_json=as_json)


@app.command("train")
def train(
    ctx: typer.Context,
    use: Annotated[bool, typer.Option("--use", help="Use it from the next run on.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it there.")
    ] = None,
    pair: PairOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model on the people in the state, and show what it would change.

    Nothing is labelled. The model in use stays so until --use. While a daemon runs, --use is queued
    with it and waited for.
    """
    session = session_of(ctx)
    config = session.config()
    chosen = session.pair(config, pair)
    if not has_state(config):
        raise _nothing_learned()
    with session.store(config, chosen) as store:
        told, body = (_used if use else _tried)(session, config, chosen, store)
    if out is not None:
        _write(out, body)
    _tell("model train", {**told, "used": use, "out": str(out) if out else None}, as_json=as_json)


@app.command("waiting")
def show_waiting(ctx: typer.Context, pair: PairOption = None, as_json: JsonOption = False) -> None:
    """Show what a model that waits for a decision would change.

    The daemon learns a model anew every `matching.retrain_days`. One that decides more otherwise
    than `matching.retrain_change` waits until somebody accepts or declines it.
    """
    from state import learned
    from sync.retraining import NothingWaitsError

    session = session_of(ctx)
    config = session.config()
    chosen = session.pair(config, pair)
    if not has_state(config):
        raise NothingWaitsError("no linkage model waits for a decision")
    with session.store(config, chosen) as store, store.read() as tx:
        found = learned.waiting(tx)
    if found is None:
        raise NothingWaitsError("no linkage model waits for a decision")
    _tell("model waiting", {**found.told, "trained_at": found.trained_at}, as_json=as_json)


@app.command("accept")
def accept(ctx: typer.Context, pair: PairOption = None, as_json: JsonOption = False) -> None:
    """Use the model that waits, from the next run on."""
    _decide(ctx, "accept", pair, as_json=as_json)


@app.command("decline")
def decline(ctx: typer.Context, pair: PairOption = None, as_json: JsonOption = False) -> None:
    """Let go of the model that waits; the one in use stays."""
    _decide(ctx, "decline", pair, as_json=as_json)


def _decide(ctx: typer.Context, decision: str, pair: str | None, *, as_json: bool) -> None:
    from sync.orders import Order
    from sync.retraining import NothingWaitsError

    session = session_of(ctx)
    config = session.config()
    chosen = session.pair(config, pair)
    if not has_state(config):
        raise NothingWaitsError("no linkage model waits for a decision")
    with session.store(config, chosen) as store:
        told = _ordered(session, config, chosen, store, Order("model", {"decision": decision}))
    if as_json:
        output.emit_json(f"model {decision}", told)
        return
    words = "is in use from the next run on" if told["used"] else "is let go of"
    session.say(f"Model {told['version']} {words}.")


def _used(
    session: Session, config: Config, pair: PairConfig, store: Store
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Trained and put in use, here or by the daemon that holds the state."""
    from state import learned
    from sync.orders import Order

    order = Order("train", {"use": True, "matching": asdict(config.matching)})
    told = _ordered(session, config, pair, store, order)
    with store.read() as tx:
        return told, learned.in_use(tx) or {}


def _tried(
    _session: Session, config: Config, _pair: PairConfig, store: Store
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Trained and compared, nothing kept."""
    from matching.model import default_model
    from sync.evidence import lesson_of, model_in_use, train_on
    from sync.retraining import compared

    lesson = lesson_of(store)
    if lesson is None:
        raise _nothing_learned()
    with store.read() as tx:
        before = model_in_use(tx) or default_model()
    model = train_on(lesson)
    told = compared(lesson, before, model, config.matching)
    return {**told, "outcome": "shown"}, model.to_json()


def _ordered(
    session: Session, config: Config, pair: PairConfig, store: Store, order: Order
) -> Mapping[str, Any]:
    from sync.cli.ordering import place
    from sync.orders import as_error

    done = place(session, config, pair, store, order)
    assert not isinstance(done, int)  # noqa: S101 - it was waited for
    if done.error is not None:
        raise as_error(done.error)
    return done.result


def _nothing_learned() -> UsageFault:
    return UsageFault(
        "there are too few people in the state to learn from",
        code="model.too_few",
        remedy="Run `leadloop sync` first; below 50 people a side the defaults are used.",
    )


def _in_use(session: Session, pair: str | None) -> Mapping[str, Any]:
    from matching.model import default_model
    from state import learned
    from sync.evidence import model_in_use

    config = session.config()
    chosen = session.pair(config, pair)
    if not has_state(config):
        return default_model().to_json()
    with session.store(config, chosen) as store, store.read() as tx:
        model = model_in_use(tx)
        if model is None and learned.in_use(tx) is not None:
            raise UsageFault(
                "the model in the state was trained by an earlier release and is used no more",
                code="model.outdated",
                remedy="The next `leadloop sync` trains another; `leadloop model train --use` "
                "does so now.",
            )
    return (model or default_model()).to_json()


def _read(path: Path) -> Mapping[str, Any]:
    """A model file, or what `leadloop match --json` printed."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        body = body["model"] if isinstance(body, dict) and "model" in body else body
        models.weights(body)
    except (OSError, ValueError, TypeError):
        raise UsageFault(
            f"{path} is no model file",
            code="match.model",
            remedy="Name a file that `leadloop model train --out` wrote, or the output of "
            "`leadloop match --json`.",
        ) from None
    found: Mapping[str, Any] = body
    return found


def _write(path: Path, body: Mapping[str, Any]) -> None:
    try:
        path.write_text(json.dumps(body, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageFault(
            f"{path} cannot be written: {error.strerror}",
            code="match.unwritable",
            remedy="Name a file in a directory you may write to.",
        ) from None


def _print_changes(
    command: str, before: Mapping[str, Any], after: Mapping[str, Any], *, as_json: bool
) -> None:
    told = {
        "before": {"version": before.get("version"), "prior": models.prior(before)},
        "after": {"version": after.get("version"), "prior": models.prior(after)},
        "changes": models.changes_as_json(models.changes(before, after)),
    }
    _tell(command, told, as_json=as_json)


def _tell(command: str, told: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.emit_json(command, told)
        return
    console, before, after = output.console(), told["before"], told["after"]
    console.print(
        f"model {before['version']} to {after['version']}, prior {before['prior']:+.2f} to "
        f"{after['prior']:+.2f}",
        markup=False,
    )
    rows = [
        [one["field"], one["level"], _bits(one["before"]), _bits(one["after"])]
        for one in told["changes"]
    ]
    console.print(output.table("Weights that differ", ["field", "level", "before", "after"], rows))
    if "decisions" in told:
        console.print(_otherwise(told["decisions"]), markup=False)
    if "used" in told:
        console.print("In use from the next run on." if told["used"] else "Not in use: --use.")


def _otherwise(decisions: Mapping[str, Any]) -> str:
    """What would be decided otherwise, in a sentence."""
    return (
        f"Of {decisions['pairs']:,} pairs {decisions['new_links']:,} would be linked that are not, "
        f"{decisions['gone_links']:,} no longer; {decisions['new_questions']:,} would be questions "
        f"that are none, {decisions['gone_questions']:,} no longer."
    )


def _bits(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}"
