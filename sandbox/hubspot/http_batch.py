"""Batch calls of CRM objects, with HubSpot's rules on what may partly succeed.

FACTS section 2, Batch: results come back shuffled; a create answers per input only if every input
has a unique objectWriteTraceId, else it is all or nothing; an upsert by e-mail is all or nothing,
one by a custom unique property may partly succeed; merged-away ids are unknown here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.errors import HubSpotError, conflict, validation
from sandbox.hubspot.http_objects import (
    SOURCE,
    by_unique,
    create_linked,
    properties_in,
    wanted_names,
)
from sandbox.hubspot.store import ObjectStore, Record
from sandbox.hubspot.wire import (
    account_of,
    batch_reply,
    body_of,
    flag_in,
    inputs_of,
    nothing,
    object_body,
    started,
    store_of,
)

Input = dict[str, Any]
Errors = list[dict[str, Any]]


async def batch_read(request: web.Request) -> web.Response:
    """POST ids (or values of `idProperty`); those not found are one error entry, 207."""
    account, store = account_of(request), store_of(request)
    body = await body_of(request)
    head = started(account)
    names = wanted_names(store, [str(name) for name in body.get("properties") or []])
    history = [str(name) for name in body.get("propertiesWithHistory") or []]
    id_property = body.get("idProperty")
    archived = flag_in(request, "archived")
    inputs = inputs_of(body, 50 if history else 100)
    inputs, errors = _spared(account, request, inputs)
    found: dict[int, Record] = {}
    missing: list[str] = []
    for each in inputs:
        wanted = str(each.get("id", ""))
        if id_property and id_property != "hs_object_id":
            record = by_unique(account, store, str(id_property), wanted)
        else:
            record = _exact(store, wanted, archived=archived)
        if record is None:
            missing.append(wanted)
        else:
            found[record.id] = record
    if missing:
        errors.append(_not_there(store, missing))
    results = [object_body(store, record, names, versioned=history) for record in found.values()]
    return batch_reply(account, head, results, errors)


async def batch_create(request: web.Request) -> web.Response:
    """POST new records."""
    account, store = account_of(request), store_of(request)
    body = await body_of(request)
    head = started(account)
    inputs, errors = _spared(account, request, inputs_of(body))
    traces = [each.get("objectWriteTraceId") for each in inputs]
    partial = all(traces) and len(set(traces)) == len(traces)
    if not partial:
        _check_all_creates(account, store, inputs)

    def create(each: Input) -> Input:
        written = create_linked(account, store, each)
        result = object_body(store, written.record, written.shown)
        return _traced(result, each)

    results = _each(inputs, create, errors, partial=partial)
    return batch_reply(account, head, results, errors, status=201)


async def batch_update(request: web.Request) -> web.Response:
    """POST changes by id, or by a custom unique property."""
    account, store = account_of(request), store_of(request)
    body = await body_of(request)
    head = started(account)
    inputs, errors = _spared(account, request, _distinct(inputs_of(body)))
    missing: list[str] = []
    targets: list[tuple[Input, Record]] = []
    for each in inputs:
        record = _target(account, store, each)
        if record is None:
            missing.append(str(each.get("id", "")))
        else:
            targets.append((each, record))
    if missing:
        errors.append(_not_there(store, missing))
    partial = all(each.get("objectWriteTraceId") for each in inputs)
    if not partial:
        for each, record in targets:
            account.writer.check(store, record, properties_in(each))
    records = {id(each): record for each, record in targets}

    def update(each: Input) -> Input:
        record = records[id(each)]
        written = account.write_change(store, record, properties_in(each), source=SOURCE)
        return _traced(object_body(store, record, written.shown), each)

    results = _each([each for each, _ in targets], update, errors, partial=partial)
    return batch_reply(account, head, results, errors)


async def batch_upsert(request: web.Request) -> web.Response:
    """POST records by e-mail (all or nothing) or by a custom unique property (partly)."""
    account, store = account_of(request), store_of(request)
    body = await body_of(request)
    head = started(account)
    inputs, errors = _spared(account, request, _distinct(inputs_of(body)))
    keys = {str(each.get("idProperty") or "") for each in inputs}
    if "" in keys or len(keys) > 1:
        raise validation("Every input of an upsert needs the same idProperty.")
    for name in keys:
        by_unique(account, store, name, "")  # 400 where it is not unique
    partial = keys != {"email"}
    if not partial:
        for each in inputs:
            holder = by_unique(account, store, "email", str(each.get("id", "")))
            account.writer.check(store, holder, _upsert_properties(each))

    def upsert(each: Input) -> Input:
        name = str(each["idProperty"])
        record = by_unique(account, store, name, str(each.get("id", "")))
        properties = _upsert_properties(each)
        if record is None:
            written = account.write_new(store, properties, source=SOURCE)
        else:
            written = account.write_change(store, record, properties, source=SOURCE)
        result = object_body(store, written.record, written.shown)
        return _traced({**result, "new": written.is_new}, each)

    results = _each(inputs, upsert, errors, partial=partial)
    return batch_reply(account, head, results, errors)


async def batch_archive(request: web.Request) -> web.Response:
    """POST ids to archive; unknown ones are no matter."""
    account, store = account_of(request), store_of(request)
    inputs, errors = _spared(account, request, inputs_of(await body_of(request)))
    for each in inputs:
        record = _exact(store, str(each.get("id", "")))
        if record is not None:
            account.writer.archive(store, record)
    if errors:
        return batch_reply(account, started(account), [], errors)
    return nothing()


def _distinct(inputs: list[Input]) -> list[Input]:
    """The inputs, of which no two may mean one record (HubSpot refuses the whole batch [C])."""
    ids = [str(each.get("id", "")).lower() for each in inputs]
    twice = sorted({one for one in ids if one and ids.count(one) > 1})
    if twice:
        listed = ", ".join(twice)
        raise validation(f"Duplicate IDs found in batch input: [{listed}]. IDs must be unique")
    return inputs


def _each(
    inputs: list[Input], act: Callable[[Input], Input], errors: Errors, *, partial: bool
) -> list[Input]:
    """Act on every input; with `partial` a refusal becomes an entry of `errors`."""
    results = []
    for each in inputs:
        try:
            results.append(act(each))
        except HubSpotError as error:
            if not partial:
                raise
            errors.append(error.item(_context(each)))
    return results


def _context(each: Input) -> dict[str, list[str]]:
    trace = each.get("objectWriteTraceId")
    context = {"objectWriteTraceId": [str(trace)]} if trace else {}
    if each.get("id"):
        context["id"] = [str(each["id"])]
    return context


def _traced(result: Input, each: Input) -> Input:
    trace = each.get("objectWriteTraceId")
    return {**result, "objectWriteTraceId": trace} if trace else result


def _check_all_creates(account: HubSpotAccount, store: ObjectStore, inputs: list[Input]) -> None:
    """Refuse the whole batch for one bad input, duplicates within the batch included."""
    seen: dict[tuple[str, str], int] = {}
    for index, each in enumerate(inputs):
        new = account.writer.check(store, None, properties_in(each))
        account.writer.require(store, new)
        names = ["email"] if store.name == "contacts" else []
        for name in [*names, *store.book.uniques()]:
            value = (new.get(name) or "").lower()
            if value and (name, value) in seen:
                raise conflict(
                    f"Duplicate value for {name} in inputs {seen[(name, value)]} and {index}."
                )
            seen[(name, value)] = index


def _target(account: HubSpotAccount, store: ObjectStore, each: Input) -> Record | None:
    wanted = str(each.get("id", ""))
    name = each.get("idProperty")
    if not name:
        return _exact(store, wanted)
    if name in {"email", "hs_object_id"}:  # [C]: batch update refuses both as idProperty
        raise validation(
            f"Unable to perform update/upsert by non-unique {store.type_id} property {name} "
            f"in portal ID {account.portal_id}"
        )
    return by_unique(account, store, str(name), wanted)


def _exact(store: ObjectStore, wanted: str, *, archived: bool = False) -> Record | None:
    pool = store.archived if archived else store.live
    return pool.get(int(wanted)) if wanted.isdigit() else None


def _upsert_properties(each: Input) -> dict[str, object]:
    return {str(each["idProperty"]): each.get("id"), **properties_in(each)}


def _not_there(store: ObjectStore, ids: list[str]) -> dict[str, Any]:
    error = HubSpotError(
        404,
        "OBJECT_NOT_FOUND",
        f"Could not get some {store.singular} objects, they may be deleted or not exist. "
        "Check that ids are valid.",
    )
    return error.item({"ids": ids})


def _spared(
    account: HubSpotAccount, request: web.Request, inputs: list[Input]
) -> tuple[list[Input], Errors]:
    """The inputs a partial_batch fault leaves, and the error entries of the others."""
    fault = account.faults.draw("hubspot", "partial_batch", request.path)
    if fault is None or not inputs:
        return inputs, []
    share = 0.5 if fault.value is None else min(fault.value, 1.0)
    struck = account.rng.sample(range(len(inputs)), max(1, int(len(inputs) * share)))
    error = HubSpotError(500, "INTERNAL_ERROR", "There was a problem with the request.")
    errors = [error.item(_context(inputs[index])) for index in sorted(struck)]
    return [each for index, each in enumerate(inputs) if index not in set(struck)], errors
