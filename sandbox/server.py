"""The sandbox as one process: HubSpot on http, Salesforce on https, the admin endpoint on http.

All three listen on 127.0.0.1 and share one clock, one set of faults and one world. Salesforce is
served under a certificate of a private authority made at start; its root is written to
`DIR/ca.pem` for clients to trust. With a proxy port, clients that know only the vendors' own host
names reach both as well (see `sandbox.proxy`).
"""

from __future__ import annotations

import asyncio
import signal
import ssl
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
from aiohttp import web

from sandbox.admin import AdminError, build_admin, change_schema
from sandbox.calls import Calls
from sandbox.clock import VirtualClock
from sandbox.faults import Faults
from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.app import build_app as build_hubspot
from sandbox.hubspot.errors import HubSpotError
from sandbox.process import SandboxProcess, start_process
from sandbox.proxy import HOST_NAMES, Proxy
from sandbox.salesforce.app import build_app as build_salesforce
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.org import SalesforceOrg
from sandbox.transport import transport
from sandbox.webhook_sender import WebhookSender
from sandbox.world import START, World, build_world

__all__ = ["Sandbox", "SandboxOptions", "SandboxProcess", "serve", "start_process"]

HOST = "127.0.0.1"
PORTAL_ID = 8812345
_SHUTDOWN_SECONDS = 1.0
# Salesforce takes request lines of up to 16,384 bytes (FACTS section 4); its own 414 must be
# reachable, so the server's parser has to stand further back.
_MAX_LINE = 131_072
_NAMESPACE = uuid.UUID("7c4d2f0e-51a3-4f7e-9a3d-0c6c1d5b9e11")


@dataclass(frozen=True)
class SandboxOptions:
    """How to start a sandbox.

    `world` is "generated", "febrl4" or None for an empty one. `people` counts the contacts in
    HubSpot, `crm_records` the Leads and Contacts in Salesforce (None: as many). Port 0 takes a
    free one; `proxy_port` None opens no proxy. `seed` decides the world, the credentials and the
    vendors' shuffling. `schema` are changes of the vendors' objects, as `POST /schema` takes them,
    made before anybody is told where it listens.
    """

    directory: Path
    world: str | None = "generated"
    people: int = 2000
    crm_records: int | None = None
    seed: int = 7
    hubspot_port: int = 0
    salesforce_port: int = 0
    admin_port: int = 0
    proxy_port: int | None = None
    schema: Sequence[dict[str, Any]] = ()


class Sandbox:
    """Both vendors with their clock, faults, call counts and world; nothing global.

    `start` opens the ports, `stop` closes them; in between the attributes may be used directly by
    code on the same event loop.
    """

    def __init__(self, options: SandboxOptions) -> None:
        self.options = options
        # A world begins at its own first morning; an empty sandbox lives today.
        self.clock = VirtualClock(None if options.world is None else START)
        self.faults = Faults(seed=options.seed)
        self.calls = Calls()
        self.world: World | None = None
        self.token = f"pat-na1-{_credential(options.seed, 'hubspot')}"
        self.hubspot = HubSpotAccount(
            self.clock,
            self.faults,
            portal_id=PORTAL_ID,
            token=self.token,
            seed=options.seed,
        )
        self.client_id = f"3MVG9.{_credential(options.seed, 'client').replace('-', '')}"
        self.client_secret = _credential(options.seed, "secret").replace("-", "").upper()
        self.salesforce = SalesforceOrg(
            self.clock,
            self.faults,
            client_id=self.client_id,
            client_secret=self.client_secret,
            seed=options.seed,
        )
        self.webhooks = WebhookSender(self.hubspot.webhooks)
        self.hubspot.webhooks.awake = self.webhooks.start
        self._proxy: Proxy | None = None
        self._runners: list[web.AppRunner] = []
        self._ports: dict[str, int] = {}

    @property
    def rate_limits(self) -> bool:
        """Whether the vendors refuse callers who are too fast; on by default."""
        return self.hubspot.limits.enabled

    def switch_rate_limits(self, *, on: bool) -> None:
        """Let both vendors count and refuse (on) or let everybody through (off)."""
        self.hubspot.limits.enabled = on
        self.salesforce.usage.enforced = on

    def load_world(
        self,
        kind: str,
        *,
        people: int = 2000,
        crm_records: int | None = None,
        seed: int | None = None,
        clean: bool = False,
        defects: Mapping[str, int] | None = None,
    ) -> World:
        """Fill both vendors with a world and set the clock to its first morning.

        Raises ValueError on what `build_world` refuses, RuntimeError when a world is
        there already: two worlds in one sandbox would have two truths.
        """
        if self.world is not None:
            message = "a world is loaded already; start another sandbox for another world"
            raise RuntimeError(message)
        self.world = build_world(
            kind,
            self.hubspot,
            self.salesforce,
            self.clock,
            people=people,
            crm_records=crm_records,
            seed=self.options.seed if seed is None else seed,
            clean=clean,
            defects=defects,
        )
        return self.world

    async def start(self) -> dict[str, object]:
        """Load the world, open the three ports, write ca.pem; returns what `announce` gets."""
        options = self.options
        if options.world is not None:
            self.load_world(options.world, people=options.people, crm_records=options.crm_records)
        hubspot = build_hubspot(self.hubspot)
        salesforce = build_salesforce(self.salesforce)
        hubspot.middlewares.insert(0, transport("hubspot", self.calls, self.faults))
        salesforce.middlewares.insert(0, transport("salesforce", self.calls, self.faults))
        context = _certificate(options.directory)
        try:
            await self._listen("hubspot", hubspot, options.hubspot_port)
            await self._listen("salesforce", salesforce, options.salesforce_port, context)
            await self._listen("admin", build_admin(self), options.admin_port)
            if options.proxy_port is not None:
                await self._open_proxy(options.proxy_port, context)
        except OSError:
            await self.stop()
            raise
        return self.announcement()

    def announcement(self) -> dict[str, object]:
        """Where the sandbox listens and with which credentials, as `--json` prints it."""
        proxy = self._ports.get("proxy")
        return {
            "hubspot": {
                "url": f"http://{HOST}:{self._ports['hubspot']}",
                "token": self.token,
                "portal_id": self.hubspot.portal_id,
            },
            "salesforce": {
                "login_url": f"https://{HOST}:{self._ports['salesforce']}",
                "client_id": self.client_id,
                "client_secret": self.client_secret,
                "ca_file": str(_ca_file(self.options.directory)),
            },
            "oauth": {
                "hubspot": {
                    "client_id": self.hubspot.tokens.client_id,
                    "client_secret": self.hubspot.tokens.client_secret,
                    "refresh_token": self.hubspot.tokens.refresh_token,
                },
                "salesforce": {"refresh_token": self.salesforce.sessions.refresh_token},
                "developer_key": self.hubspot.tokens.developer_key,
            },
            "admin_url": f"http://{HOST}:{self._ports['admin']}",
            "proxy_url": None if proxy is None else f"http://{HOST}:{proxy}",
            "config": None,
        }

    async def stop(self) -> None:
        """Close every port; requests under way have a second to finish."""
        if self._proxy is not None:
            await self._proxy.stop()
        await self.webhooks.stop()
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))
        self._runners.clear()

    async def _listen(
        self,
        name: str,
        app: web.Application,
        port: int,
        context: ssl.SSLContext | None = None,
    ) -> None:
        runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            max_line_size=_MAX_LINE,
            max_field_size=_MAX_LINE,
        )
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, HOST, port, ssl_context=context).start()
        self._ports[name] = int(runner.addresses[0][1])

    async def _open_proxy(self, port: int, context: ssl.SSLContext) -> None:
        """The proxy, and a TLS port for HubSpot: over its own names it is always https."""
        hubspot = self._runners[0]
        await web.TCPSite(hubspot, HOST, 0, ssl_context=context).start()
        inner = int(hubspot.addresses[-1][1])
        self._proxy = Proxy({"hubspot": inner, "salesforce": self._ports["salesforce"]})
        self._ports["proxy"] = await self._proxy.start(port)


async def serve(options: SandboxOptions, *, announce: Callable[[dict[str, object]], None]) -> None:
    """Run a sandbox until SIGTERM or SIGINT; `announce` is called once, when it listens.

    Stops within two seconds of the signal. Raises OSError when a port is taken.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    sandbox = Sandbox(options)
    try:
        info = await sandbox.start()
        for change in options.schema:
            _shape(sandbox, change)
        announce(info)
        await stopping.wait()
    finally:
        await sandbox.stop()


def _shape(sandbox: Sandbox, change: dict[str, Any]) -> None:
    try:
        change_schema(sandbox, change)
    except (AdminError, HubSpotError, SalesforceError) as error:
        name = f"{change.get('object')}.{change.get('field', {}).get('name')}"
        message = f"there can be no field {name}"
        raise ValueError(message) from error


def _ca_file(directory: Path) -> Path:
    return directory.resolve() / "ca.pem"


def _certificate(directory: Path) -> ssl.SSLContext:
    """A fresh authority and a certificate of its for loopback and for the vendors' own names;
    the root goes to ca.pem.
    """
    directory.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(_ca_file(directory)))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    names = (name for names in HOST_NAMES.values() for name in names)
    authority.issue_cert(HOST, "localhost", *names).configure_cert(context)
    return context


def _credential(seed: int, purpose: str) -> str:
    # Made from the seed, so that a restarted sandbox takes the credentials of its last config.
    return str(uuid.uuid5(_NAMESPACE, f"{seed}/{purpose}"))
