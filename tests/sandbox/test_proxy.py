"""The proxy: vendors by their own names, nobody else, broken connections stay broken."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import requests

from sandbox.proxy import system_of
from tests.sandbox.harness import Running, running


@pytest.mark.parametrize(
    ("host", "system"),
    [
        ("api.hubapi.com", "hubspot"),
        ("API.HSFORMS.COM", "hubspot"),
        ("login.salesforce.com", "salesforce"),
        ("acme--uat.sandbox.my.salesforce.com", "salesforce"),
        ("a.b.my.salesforce.com", None),
        ("my.salesforce.com.example", None),
        ("example.com", None),
    ],
)
def test_a_name_belongs_to_a_vendor_or_to_nobody(host: str, system: str | None) -> None:
    """Only the vendors' own names lead anywhere; look-alikes do not."""
    assert system_of(host) == system


def through(client: Running, url: str, **more: object) -> requests.Response:
    """A GET through the proxy, trusting the sandbox's authority."""
    return requests.get(
        url,
        proxies={"https": client.info["proxy_url"]},
        verify=client.info["salesforce"]["ca_file"],
        timeout=10,
        **more,  # type: ignore[arg-type]
    )


def test_both_vendors_answer_to_their_own_names(tmp_path: Path) -> None:
    """Vendor hosts over HTTPS reach the sandbox; a login is sent to the org's own host."""
    with running(tmp_path, world=None, proxy_port=0) as client:
        headers = {"Authorization": f"Bearer {client.info['hubspot']['token']}"}
        listed = through(client, "https://api.hubapi.com/crm/v3/owners/", headers=headers)
        assert listed.json()["results"][0]["email"] == "owner@sandbox.example"
        salesforce = client.info["salesforce"]
        answer = requests.post(
            "https://login.salesforce.com/services/oauth2/token",
            data={
                "grant_type": "refresh_token",
                "client_id": salesforce["client_id"],
                "client_secret": salesforce["client_secret"],
                "refresh_token": client.info["oauth"]["salesforce"]["refresh_token"],
            },
            proxies={"https": client.info["proxy_url"]},
            verify=salesforce["ca_file"],
            timeout=10,
        ).json()
        assert answer["instance_url"] == "https://leadloop-sandbox.my.salesforce.com"
        token = {"Authorization": f"Bearer {answer['access_token']}"}
        limits = through(
            client, f"{answer['instance_url']}/services/data/v61.0/limits", headers=token
        )
        assert limits.json()["DailyApiRequests"]["Max"] > 0


def test_it_forwards_nowhere_else(tmp_path: Path) -> None:
    """Another host, a plain request and another port are refused with 403."""
    with running(tmp_path, world=None, proxy_port=0) as client:
        with pytest.raises(requests.exceptions.ProxyError):
            through(client, "https://example.com/")
        port = int(client.info["proxy_url"].rpartition(":")[2])
        for line in (
            b"GET http://api.hubapi.com/ HTTP/1.1\r\nHost: api.hubapi.com\r\n\r\n",
            b"CONNECT api.hubapi.com:22 HTTP/1.1\r\n\r\n",
            b"CONNECT 127.0.0.1:443 HTTP/1.1\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
                raw.sendall(line)
                assert raw.recv(1024).startswith(b"HTTP/1.1 403 ")


def test_rubbish_and_silence_hurt_nobody(tmp_path: Path) -> None:
    """A caller who speaks no HTTP, or leaves, takes nothing down."""
    with running(tmp_path, world=None, proxy_port=0) as client:
        port = int(client.info["proxy_url"].rpartition(":")[2])
        for rubbish in (b"", b"\x16\x03\x01", b"x" * 40_000):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
                raw.sendall(rubbish)
        assert through(client, "https://api.hubapi.com/crm/v3/owners/").status_code == 401


def test_a_lost_reply_is_lost_through_the_proxy_too(tmp_path: Path) -> None:
    """A connection the vendor broke looks broken to the client, not like an answer."""
    with running(tmp_path, world=None, proxy_port=0) as client:
        client.admin("POST", "/faults", {"system": "hubspot", "kind": "lost_reply", "calls": 1})
        with pytest.raises(requests.exceptions.ConnectionError):
            through(client, "https://api.hubapi.com/crm/v3/owners/")
        assert through(client, "https://api.hubapi.com/crm/v3/owners/").status_code == 401


def test_there_is_no_proxy_unless_asked_for(tmp_path: Path) -> None:
    """Without a proxy port nothing listens and the announcement says so."""
    with running(tmp_path, world=None) as client:
        assert client.info["proxy_url"] is None
