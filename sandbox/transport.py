"""What every request to a sandboxed vendor passes first: counting and transport faults.

Counting comes first, so that a call whose reply is lost is still a call, as the vendor counts it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from sandbox.calls import Calls
from sandbox.faults import Faults

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_FLUSH_SECONDS = 0.02


def transport(system: str, calls: Calls, faults: Faults) -> Middleware:
    """The middleware for one vendor: counts the call, then plays latency, lost_reply, cut_body.

    lost_reply lets the handler finish, so that what it wrote stays written, and then breaks the
    connection without an answer. cut_body announces the whole length, sends half of the body and
    breaks the connection.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        calls.record(system, request.method, template_of(request))
        path = request.path
        latency = faults.draw(system, "latency", path)
        if latency is not None:
            await asyncio.sleep(1.0 if latency.value is None else latency.value)
        lost = faults.draw(system, "lost_reply", path) is not None
        response = await _answer(request, handler)
        if lost:
            _abort(request)
        elif faults.draw(system, "cut_body", path) is not None:
            return await _cut(request, response)
        return response

    return middleware


def template_of(request: web.Request) -> str:
    """The declared route of a request, or "(unknown)" where no route takes it."""
    resource = request.match_info.route.resource
    return "(unknown)" if resource is None else resource.canonical


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as answer:
        return answer


async def _cut(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Send the first half of a body under the length of the whole, then break the connection."""
    body = response.body if isinstance(response, web.Response) else None
    if not isinstance(body, bytes | bytearray) or not body:
        _abort(request)
        return response
    headers = response.headers.copy()
    headers["Content-Length"] = str(len(body))
    half = web.StreamResponse(status=response.status, headers=headers)
    await half.prepare(request)
    await half.write(bytes(body[: len(body) // 2]))
    # A reset overtakes bytes still on their way; the pause lets the client have its half.
    await asyncio.sleep(_FLUSH_SECONDS)
    _abort(request)
    return half


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
