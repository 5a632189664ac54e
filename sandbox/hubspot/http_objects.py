"""Single-record calls of CRM objects: list, read, create, update, archive, merge, search, erase."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.hubspot import search
from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.associations import kinds_from
from sandbox.hubspot.errors import malformed, not_found, object_in, objects_in, validation
from sandbox.hubspot.store import ObjectStore, Record
from sandbox.hubspot.wire import (
    account_of,
    body_of,
    cursor_in,
    flag_in,
    names_in,
    nothing,
    number_in,
    object_body,
    reply,
    store_of,
)
from sandbox.hubspot.writes import Written

SOURCE = "INTEGRATION"
"""sourceType of what an API caller writes."""


async def list_objects(request: web.Request) -> web.Response:
    """GET the records by ascending id; archived ones with `archived=true`."""
    account, store = account_of(request), store_of(request)
    history = names_in(request, "propertiesWithHistory")
    limit = number_in(request, "limit", 10, 50 if history else 100)
    start = cursor_in(request)
    archived = flag_in(request, "archived")
    pool = store.archived if archived else store.live
    page: list[Record] = []
    more = False
    for record_id in store.ids_after(start, archived=archived):
        record = pool.get(record_id)
        if record is None:
            continue
        if len(page) == limit:
            more = True
            break
        page.append(record)
    names = wanted_names(store, names_in(request, "properties"))
    linked = names_in(request, "associations")
    results = [
        _with_associations(
            account, store, record, linked, object_body(store, record, names, versioned=history)
        )
        for record in page
    ]
    body: dict[str, Any] = {"results": results}
    if more:
        after = str(page[-1].id)
        link = str(request.url.update_query({"after": after}))
        body["paging"] = {"next": {"after": after, "link": link}}
    return reply(body)


async def read_object(request: web.Request) -> web.Response:
    """GET one record by id or unique property; a merged-away id gives the survivor."""
    account, store = account_of(request), store_of(request)
    record = _find(account, store, request)
    names = wanted_names(store, names_in(request, "properties"))
    history = names_in(request, "propertiesWithHistory")
    body = object_body(store, record, names, versioned=history)
    linked = names_in(request, "associations")
    return reply(_with_associations(account, store, record, linked, body))


async def create_object(request: web.Request) -> web.Response:
    """POST one record, with associations if given."""
    account, store = account_of(request), store_of(request)
    body = await body_of(request)
    written = create_linked(account, store, body)
    return reply(object_body(store, written.record, written.shown), 201)


async def update_object(request: web.Request) -> web.Response:
    """PATCH one record by id or unique property."""
    account, store = account_of(request), store_of(request)
    body = await body_of(request)
    record = _find(account, store, request)
    written = account.write_change(store, record, properties_in(body), source=SOURCE)
    return reply(object_body(store, written.record, written.shown))


async def archive_object(request: web.Request) -> web.Response:
    """DELETE one record; one that is not there is no matter."""
    account, store = account_of(request), store_of(request)
    text = request.match_info["object_id"]
    record = store.resolve(int(text)) if text.isdigit() else None
    if record is not None:
        account.writer.archive(store, record)
    return nothing()


async def merge_objects(request: web.Request) -> web.Response:
    """POST a merge; the reply's id is the survivor's and may be new."""
    account, store = account_of(request), store_of(request)
    body = await body_of(request)
    for key in ("primaryObjectId", "objectIdToMerge"):
        if not body.get(key):
            raise validation(f"Invalid input JSON: some required fields were not set: [{key}]")
    primary = account.live(store, str(body.get("primaryObjectId", "")))
    other = account.live(store, str(body.get("objectIdToMerge", "")))
    survivor = account.writer.merge(store, primary, other)
    return reply(object_body(store, survivor, [*store.defaults, "hs_merged_object_ids"]))


async def erase_contact(request: web.Request) -> web.Response:
    """POST gdpr-delete by id or e-mail; an unknown e-mail is accepted [D]."""
    account = account_of(request)
    body = await body_of(request)
    wanted = str(body.get("objectId") or "")
    if not wanted:
        raise validation("Invalid input JSON: some required fields were not set: [objectId]")
    if body.get("idProperty") == "email":
        found = account.find_contact(wanted)
        if found is not None:
            account.gdpr_delete(found)
    else:
        account.gdpr_delete(wanted)
    return nothing()


async def search_objects(request: web.Request) -> web.Response:
    """POST a search."""
    account, store = account_of(request), store_of(request)
    if len(await request.text()) > search.MAX_BODY:
        raise validation(f"The search body exceeds {search.MAX_BODY} characters.")
    body = await body_of(request)

    def associated(kind: str, record_id: int) -> frozenset[int]:
        other = account.catalogue.find(kind)
        return frozenset(account.associations.of(other.name, record_id, store.name))

    store.catch_up(account.now())
    query = search.parse(store, body, associated)
    page = search.run(store, query)
    names = [*query.properties, *store.system_names] if query.properties else store.defaults
    answer: dict[str, Any] = {
        "total": page.total,
        "results": [object_body(store, record, names) for record in page.records],
    }
    if page.after is not None:
        answer["paging"] = {"next": {"after": str(page.after)}}
    return reply(answer)


def create_linked(account: HubSpotAccount, store: ObjectStore, body: dict[str, Any]) -> Written:
    """Create a record with the associations asked for; neither without the other."""
    links = [_link(account, store, each) for each in objects_in(body, "associations")]
    written = account.write_new(store, properties_in(body), source=SOURCE)
    for to, kinds in links:
        account.associations.link((store.name, written.record.id), to, kinds)
    return written


def properties_in(body: dict[str, Any]) -> dict[str, object]:
    """The `properties` object of a write, or 400."""
    properties = body.get("properties")
    if not isinstance(properties, dict):
        raise validation("Invalid input JSON: some required fields were not set: [properties]")
    for name, value in properties.items():
        if isinstance(value, dict | list):
            raise malformed(f"Cannot deserialize value of property {name}: text is expected")
    return properties


def wanted_names(store: ObjectStore, asked: list[str]) -> list[str]:
    """The properties of a read: the defaults, or what was asked and the system ones."""
    return [*asked, *store.system_names] if asked else list(store.defaults)


def by_unique(account: HubSpotAccount, store: ObjectStore, name: str, value: str) -> Record | None:
    """The live record with this value of a unique property (or e-mail); 400 if not unique."""
    if store.name == "contacts" and name == "email":
        holder = account.writer.email_holder(store, value.strip())
        return None if holder is None else store.live[holder]
    if name == "hs_object_id" and value.isdigit():
        return store.live.get(int(value))
    if name not in store.book.uniques():
        raise validation(
            f"Unable to perform update/upsert by non-unique {store.type_id} property {name} "
            f"in portal ID {account.portal_id}"
        )
    store.index(name)
    ids = store.lookup(name, value)
    return store.live[ids[0]] if ids else None


def _find(account: HubSpotAccount, store: ObjectStore, request: web.Request) -> Record:
    wanted = request.match_info["object_id"]
    id_property = request.query.get("idProperty")
    if flag_in(request, "archived"):
        record = store.archived.get(int(wanted)) if wanted.isdigit() else None
    elif id_property:
        record = by_unique(account, store, id_property, wanted)
    else:
        record = account.live(store, wanted)
    if record is None:
        raise not_found()
    return record


def _link(
    account: HubSpotAccount, store: ObjectStore, raw: dict[str, Any]
) -> tuple[tuple[str, int], list[tuple[str, int]]]:
    kinds = kinds_from(objects_in(raw, "types"))
    to_id = str(object_in(raw, "to").get("id", ""))
    types = {number for _, number in kinds}
    for other in account.catalogue.stores.values():
        reachable = {account.associations.default_type(store.name, other.name)}
        reachable |= account.associations.primary_types(store.name, other.name)
        if types & reachable:
            return (other.name, account.live(other, to_id).id), kinds
    raise validation(f"No association type {sorted(types)} from {store.singular}.")


def _with_associations(
    account: HubSpotAccount,
    store: ObjectStore,
    record: Record,
    linked: list[str],
    body: dict[str, Any],
) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for alias in linked:
        other = account.catalogue.find(alias)
        ends = account.associations.of(store.name, record.id, other.name)
        if ends:
            kind = f"{store.singular.lower()}_to_{other.singular.lower()}"
            shown[other.name] = {
                "results": [{"id": str(each), "type": kind} for each in sorted(ends)]
            }
    if shown:
        body["associations"] = shown
    return body
