"""A forward proxy on loopback for clients whose vendor hosts are fixed in their code.

Such a client needs two settings and no change: `HTTPS_PROXY` with this proxy's address, and the
sandbox's `ca.pem` as its authority (`REQUESTS_CA_BUNDLE` for Python, `NODE_EXTRA_CA_CERTS` for
Node). The proxy looks at the name a CONNECT asks for and hands the connection, byte for byte, to
the vendor's own TLS port, whose certificate names the vendors' hosts; it decrypts nothing and
forwards nowhere else.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

HOST_NAMES: dict[str, tuple[str, ...]] = {
    "hubspot": (
        "api.hubapi.com",
        "api.hubspot.com",
        "api-eu1.hubapi.com",
        "api.hsforms.com",
        "forms.hubspot.com",
    ),
    "salesforce": (
        "login.salesforce.com",
        "test.salesforce.com",
        "*.my.salesforce.com",
        "*.sandbox.my.salesforce.com",
    ),
}
"""The names each vendor answers to in life; `*` stands for one label, as in certificates."""

_PATTERNS = {
    system: re.compile("|".join(re.escape(name).replace(r"\*", "[a-z0-9-]+") for name in names))
    for system, names in HOST_NAMES.items()
}
_CONNECT = re.compile(rb"CONNECT ([A-Za-z0-9.-]+):443 HTTP/1\.[01]\r\n")
_MAX_HEAD = 16_384
_CHUNK = 65_536
_HERE = "127.0.0.1"
_OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"
_CLOSED = (
    b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: 55\r\n\r\nThis proxy leads to the sandboxed vendors, nowhere else"
)


def system_of(host: str) -> str | None:
    """The vendor a host name belongs to, None for anybody else's."""
    for system, pattern in _PATTERNS.items():
        if pattern.fullmatch(host.lower()):
            return system
    return None


class Proxy:
    """The proxy; `ports` gives each system's TLS port on loopback."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        self._ports = ports
        self._server: asyncio.Server | None = None
        self._tunnels: set[asyncio.Task[None]] = set()

    async def start(self, port: int) -> int:
        """Listen on loopback (port 0 takes a free one); returns the port. OSError if taken."""
        self._server = await asyncio.start_server(self._accept, _HERE, port, limit=_MAX_HEAD)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and break every tunnel."""
        if self._server is None:
            return
        self._server.close()
        for tunnel in self._tunnels:
            tunnel.cancel()
        await asyncio.gather(*self._tunnels, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tunnel = asyncio.current_task()
        assert tunnel is not None  # noqa: S101 - asyncio runs this in a task
        self._tunnels.add(tunnel)
        tunnel.add_done_callback(self._tunnels.discard)
        try:
            await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            pass  # the caller went away or spoke no HTTP: there is nobody to tell
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = _CONNECT.match(await reader.readuntil(b"\r\n\r\n"))
        system = None if asked is None else system_of(asked[1].decode())
        if system is None:
            writer.write(_CLOSED)
            await writer.drain()
            return
        inner_reader, inner_writer = await asyncio.open_connection(_HERE, self._ports[system])
        writer.write(_OPEN)
        try:
            await asyncio.gather(_pour(reader, inner_writer), _pour(inner_reader, writer))
        finally:
            # A connection the vendor broke must look broken to the client as well.
            inner_writer.transport.abort()
            writer.transport.abort()


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Copy bytes until the source ends, then tell the other side that nothing more comes."""
    while chunk := await source.read(_CHUNK):
        sink.write(chunk)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()
