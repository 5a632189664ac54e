"""SOSL: search by words across objects, as text and with parameters.

What life indexes with a lag is found at once here, unless the fault search_lag delays it. Words
match whole words without case; `*` at the end of one matches its continuations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aiohttp import web

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.fields import Row
from sandbox.salesforce.rest.context import DATA, Call, answer, call_of, json_body
from sandbox.salesforce.soql.execute import execute

_SOSL = re.compile(
    r"FIND\s*\{(?P<words>(?:\\.|[^}])*)\}(?:\s+IN\s+(?P<group>\w+)(?:\s+FIELDS)?)?"
    r"(?:\s+RETURNING\s+(?P<returning>.*?))?(?:\s+LIMIT\s+(?P<limit>\d+))?\s*",
    re.IGNORECASE | re.DOTALL,
)
_OBJECT = re.compile(r"(?P<name>\w+)(?:\s*\((?P<inside>[^()]*)\))?")
_INSIDE = re.compile(
    r"(?P<fields>.*?)(?P<where>\s+WHERE\s+.*?)?(?P<order>\s+ORDER\s+BY\s+.*?)?"
    r"(?:\s+LIMIT\s+(?P<limit>\d+))?",
    re.IGNORECASE | re.DOTALL,
)
_TOKEN = re.compile(r"[^\W_]+")
_GROUPS: dict[str, frozenset[str]] = {
    "EMAIL": frozenset({"email"}),
    "PHONE": frozenset({"phone"}),
    "NAME": frozenset(),
    "ALL": frozenset({"email", "phone", "string", "textarea", "url", "combobox"}),
    "SIDEBAR": frozenset({"email", "phone", "string"}),
}
_NAMES = frozenset({"Name", "FirstName", "LastName", "Subject"})
_DEFAULT_OBJECTS = ("Account", "Contact", "Lead", "Opportunity")
_MOST = 2000
_SHORTEST = 2


def routes() -> list[web.RouteDef]:
    """The endpoints of this module."""
    found: list[web.RouteDef] = []
    for slash in ("", "/"):
        found += [
            web.get(f"{DATA}/search{slash}", search),
            web.get(f"{DATA}/parameterizedSearch{slash}", parameterized),
            web.post(f"{DATA}/parameterizedSearch{slash}", parameterized),
        ]
    return found


async def search(request: web.Request) -> web.Response:
    """FIND {words} IN group FIELDS RETURNING Object(fields ...), ..."""
    call = call_of(request)
    parsed = _SOSL.fullmatch(request.query.get("q", "").strip())
    if parsed is None:
        raise _malformed("expecting FIND {words} [IN group FIELDS] [RETURNING objects] [LIMIT n]")
    returning = _OBJECT.finditer(parsed["returning"] or ", ".join(_DEFAULT_OBJECTS))
    wanted = [(each["name"], each["inside"] or "") for each in returning]
    limit = int(parsed["limit"] or _MOST)
    return _answer(call, parsed["words"], parsed["group"] or "ALL", wanted, limit)


async def parameterized(request: web.Request) -> web.Response:
    """The same by parameters: q, in, sobject (with `X.fields`), overallLimit."""
    call = call_of(request)
    if request.method == "POST":
        body = await json_body(request)
        listed = body.get("sobjects")
        objects = listed if isinstance(listed, list) else []
        fields = [str(one) for one in _list(body.get("fields"))]
        wanted = [
            (str(one.get("name")), ",".join(str(f) for f in _list(one.get("fields"))))
            for one in objects
            if isinstance(one, dict)
        ] or [(name, ",".join(fields)) for name in _DEFAULT_OBJECTS]
        words, group, limit = body.get("q"), body.get("in"), body.get("overallLimit")
    else:
        query = request.query
        names = query.getall("sobject", list(_DEFAULT_OBJECTS))
        wanted = [(name, query.get(f"{name}.fields", query.get("fields", ""))) for name in names]
        words, group, limit = query.get("q"), query.get("in"), query.get("overallLimit")
    return _answer(call, str(words or ""), str(group or "ALL"), wanted, int(str(limit or _MOST)))


def _answer(
    call: Call, words: str, group: str, wanted: list[tuple[str, str]], limit: int
) -> web.Response:
    patterns = _patterns(re.sub(r"\\(.)", r"\1", words))
    types = _GROUPS.get(group.upper())
    if types is None:
        raise _malformed(f"unexpected token: '{group}'")
    found: list[dict[str, object]] = []
    for sobject, inside in wanted:
        found += _of_object(call, sobject, inside, patterns, types)
    return answer({"searchRecords": found[: min(limit, _MOST)]})


def _of_object(
    call: Call,
    sobject: str,
    inside: str,
    patterns: list[re.Pattern[str]],
    types: frozenset[str],
) -> list[dict[str, object]]:
    """The records of one object that hold every word, shown as RETURNING asks."""
    kind = call.org.records.kind(sobject)
    parsed = _INSIDE.fullmatch(inside.strip())
    if parsed is None:
        raise _malformed(f"unexpected token: '{inside}'")
    visible = list(call.org.records.visible_fields(kind, call.user_id))
    names = [one.name for one in visible if one.type in types or one.name in _NAMES]
    fields = parsed["fields"].strip() or "Id"
    chosen = (
        fields if "id" in {one.strip().lower() for one in fields.split(",")} else f"Id,{fields}"
    )
    found = execute(
        call.org.records,
        f"SELECT {chosen} FROM {kind.name}{parsed['where'] or ''}{parsed['order'] or ''}",
        user_id=call.user_id,
        version=call.version,
    )
    if found.project is None:
        raise _malformed("aggregates cannot be searched")
    known = call.org.records.is_searchable
    hits = (row for row in found.rows if _holds(row, names, patterns) and known(str(row["Id"])))
    most = int(parsed["limit"] or _MOST)
    return [found.project(row) for row, _ in zip(hits, range(most), strict=False)]


def _holds(row: Row, names: list[str], patterns: list[re.Pattern[str]]) -> bool:
    tokens = list(_tokens(row, names))
    return all(any(each.fullmatch(token) for token in tokens) for each in patterns)


def _tokens(row: Row, names: list[str]) -> Iterator[str]:
    for name in names:
        value = row.get(name)
        if isinstance(value, str):
            yield from _TOKEN.findall(value.lower())


def _patterns(words: str) -> list[re.Pattern[str]]:
    """One pattern a word; the vendor refuses searches of a single character."""
    plain = words.strip().strip('"').lower()
    if len(plain.replace("*", "")) < _SHORTEST:
        raise SalesforceError(
            "MALFORMED_SEARCH", f"search term must be longer than one character: {words}"
        )
    parts = re.findall(r"[^\W_]+\*?", plain)
    return [re.compile(re.escape(part).replace(r"\*", ".*")) for part in parts]


def _list(value: object) -> list[object]:
    """The entries of a list, whether bare or as objects with a name."""
    if not isinstance(value, list):
        return []
    return [one.get("name") if isinstance(one, dict) else one for one in value]


def _malformed(message: str) -> SalesforceError:
    return SalesforceError("MALFORMED_SEARCH", message)
