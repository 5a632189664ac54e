"""Logging in and the shape of answers, over https; also the server the other modules drive."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from simple_salesforce.api import Salesforce

from sandbox.clock import VirtualClock
from sandbox.faults import Faults
from sandbox.salesforce.app import build_app
from sandbox.salesforce.org import SalesforceOrg

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@dataclass
class Site:
    """A running org: its objects, its address, and a session with the integration user's token."""

    org: SalesforceOrg
    clock: VirtualClock
    faults: Faults
    url: str
    ca_file: Path
    session: requests.Session
    others: list[requests.Session] = field(default_factory=list)

    def login(self) -> str:
        """A fresh token by client credentials, put on the session."""
        form = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "secret"}
        answer = self.session.post(f"{self.url}/services/oauth2/token", data=form, timeout=10)
        token = str(answer.json()["access_token"])
        self.session.headers["Authorization"] = f"Bearer {token}"
        return token

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
        version: str = "68.0",
    ) -> requests.Response:
        """One REST call below /services/data/vNN.0."""
        url = f"{self.url}/services/data/v{version}{path}"
        return self.session.request(
            method, url, json=body, headers=headers, params=params, timeout=30
        )

    def client(self) -> Any:
        """simple-salesforce, as FACTS section 3 says to build it."""
        token = str(self.session.headers["Authorization"]).removeprefix("Bearer ")
        session = requests.Session()
        session.verify = str(self.ca_file)
        session.trust_env = False
        self.others.append(session)
        return Salesforce(session_id=token, instance_url=self.url, session=session, version="68.0")


@contextmanager
def serving(directory: Path) -> Iterator[Site]:
    """An org on https on a free port, in a thread of its own, until the block ends."""
    clock, faults = VirtualClock(START), Faults()
    org = SalesforceOrg(clock, faults, client_id="app", client_secret="secret")
    authority = trustme.CA()
    ca_file = directory / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(
        build_app(org), access_log=None, max_line_size=131_072, max_field_size=131_072
    )

    async def start() -> int:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        return int(runner.addresses[0][1])

    port = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    session = requests.Session()
    session.verify = str(ca_file)
    session.trust_env = False
    site = Site(org, clock, faults, f"https://127.0.0.1:{port}", ca_file, session)
    site.login()
    try:
        yield site
    finally:
        for one in (session, *site.others):
            one.close()
        asyncio.run_coroutine_threadsafe(_stop(runner), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _stop(runner: web.AppRunner) -> None:
    await runner.cleanup()
    # TLS connections close in a few turns of the loop; leaving before would warn of them.
    await asyncio.sleep(0.2)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A fresh org on https."""
    with serving(tmp_path) as running:
        yield running


def test_token_by_basic_header_names_the_instance(site: Site) -> None:
    """Client credentials in a Basic header give a bearer token and the instance to call."""
    answer = site.session.post(
        f"{site.url}/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": "Basic " + base64.b64encode(b"app:secret").decode()},
        timeout=10,
    )
    assert answer.status_code == 200
    assert answer.json()["instance_url"] == site.url
    assert answer.json()["token_type"] == "Bearer"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "client_credentials", "client_id": "app"}, "invalid_client"),
        (
            {"grant_type": "client_credentials", "client_id": "other", "client_secret": "secret"},
            "invalid_client_id",
        ),
        ({"grant_type": "password", "username": "u", "password": "p"}, "unsupported_grant_type"),
    ],
)
def test_token_refusals_are_oauth_objects(site: Site, form: dict[str, str], error: str) -> None:
    """Refused logins answer `{error, error_description}` with status 400, not an array."""
    answer = site.session.post(f"{site.url}/services/oauth2/token", data=form, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"] == error


def _assertion(key: rsa.RSAPrivateKey, claims: dict[str, object]) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    signed = f"{part({'alg': 'RS256'})}.{part(claims)}"
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def test_jwt_bearer_is_verified_against_the_registered_key(site: Site) -> None:
    """A JWT signed with the registered key logs its subject in; another key or age does not."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    site.org.sessions.register_key(public)
    username = site.org.get("User", site.org.integration_user_id)["Username"]
    claims = {"iss": "app", "sub": username, "aud": site.url, "exp": time.time() + 60}

    def post(assertion: str) -> requests.Response:
        grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        form = {"grant_type": grant, "assertion": assertion}
        return site.session.post(f"{site.url}/services/oauth2/token", data=form, timeout=10)

    assert post(_assertion(key, claims)).status_code == 200
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert post(_assertion(stranger, claims)).json()["error"] == "invalid_grant"
    old = {**claims, "exp": time.time() - 3600}
    assert post(_assertion(key, old)).json()["error"] == "invalid_grant"


def test_every_rest_answer_carries_usage_and_virtual_date(site: Site) -> None:
    """Sforce-Limit-Info stands on successes and 404s; Date follows the virtual clock."""
    found = site.call("GET", "/limits")
    missing = site.call("GET", "/sobjects/Lead/00QLw0000000001MAA")
    assert missing.status_code == 404
    assert missing.json() == [
        {"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}
    ]
    for answer in (found, missing):
        assert answer.headers["Sforce-Limit-Info"].startswith("api-usage=")
        assert answer.headers["Date"].startswith("Mon, 02 Mar 2026 08:0")


def test_no_session_is_401(site: Site) -> None:
    """A call without a valid token answers 401 INVALID_SESSION_ID as an array."""
    site.session.headers["Authorization"] = "Bearer nonsense"
    answer = site.call("GET", "/limits")
    assert answer.status_code == 401
    assert answer.json()[0]["errorCode"] == "INVALID_SESSION_ID"


def test_versions_need_no_session_and_end_at_v68(site: Site) -> None:
    """/services/data lists versions without a session, the newest v68.0; v42.0 is answered too."""
    listed = requests.get(f"{site.url}/services/data", verify=str(site.ca_file), timeout=10).json()
    assert listed[-1]["version"] == "68.0"
    assert site.call("GET", "/sobjects", version="42.0").status_code == 200
    assert site.call("GET", "/sobjects", version="99.0").status_code == 404


def test_identity_and_userinfo_name_user_and_organisation(site: Site) -> None:
    """The id URL of the token answer and userinfo tell who calls and in which org."""
    info = site.session.get(f"{site.url}/services/oauth2/userinfo", timeout=10).json()
    assert info["organization_id"] == site.org.organization_id
    assert info["user_id"] == site.org.integration_user_id
    shown = site.session.get(info["sub"], timeout=10).json()
    assert shown["user_id"] == info["user_id"]
