"""The sandbox as a process: what it prints, whom it serves, how it stops."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from sandbox.server import start_process
from tests.sandbox.harness import running

LIST = "/crm/v3/objects/contacts"


def test_json_line_says_where_and_how_to_connect(tmp_path: Path) -> None:
    """`--json` prints exactly one line with both vendors' addresses and working credentials."""
    with start_process(tmp_path, world=None) as sandbox:
        assert set(sandbox.info) == {
            *("hubspot", "salesforce", "oauth", "admin_url", "proxy_url", "config")
        }
        assert set(sandbox.info["hubspot"]) == {"url", "token", "portal_id"}
        assert set(sandbox.info["salesforce"]) == {
            "login_url",
            "client_id",
            "client_secret",
            "ca_file",
        }
        assert sandbox.info["config"] is None
        assert Path(sandbox.info["salesforce"]["ca_file"]) == tmp_path / "ca.pem"
        hubspot = sandbox.info["hubspot"]
        answer = requests.get(
            hubspot["url"] + LIST,
            headers={"Authorization": f"Bearer {hubspot['token']}"},
            timeout=10,
        )
        assert (answer.status_code, answer.json()["results"]) == (200, [])
        assert sandbox.stop() == 0
    assert not sandbox.running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_it_cleanly_and_soon(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM and SIGINT end it with code 0 and no traceback, open connections or not."""
    command = [sys.executable, "-m", "sandbox", "--dir", str(tmp_path), "--empty", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        info = json.loads(process.stdout.readline())
        with requests.Session() as session:
            session.get(info["admin_url"] + "/clock", timeout=10)
            before = time.monotonic()
            process.send_signal(number)
            code = process.wait(10)
        assert code == 0
        assert time.monotonic() - before < 5
        assert process.stdout.read() == ""
        assert process.stderr.read() == ""


def test_readable_form_names_everything(tmp_path: Path) -> None:
    """Without --json people read addresses, token, client id, secret and the CA file."""
    command = [sys.executable, "-m", "sandbox", "--dir", str(tmp_path), "--empty"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        text = "".join(process.stdout.readline() for _ in range(6))
        process.terminate()
        assert process.wait(10) == 0
    for word in ("http://127.0.0.1:", "https://127.0.0.1:", "pat-na1-", "3MVG9.", "ca.pem"):
        assert word in text


def test_taken_port_ends_with_a_message(tmp_path: Path) -> None:
    """A port somebody else holds ends the start with the reason, not with a traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(RuntimeError, match="did not start") as failure:
            start_process(tmp_path, world=None, hubspot_port=taken.getsockname()[1])
    assert "Traceback" not in str(failure.value)
    assert "address already in use" in str(failure.value)


def test_credentials_return_with_the_seed(tmp_path: Path) -> None:
    """A restarted sandbox takes the credentials of its last announcement."""
    with running(tmp_path / "one", world=None, seed=3) as first:
        token = first.info["hubspot"]["token"]
    with running(tmp_path / "two", world=None, seed=3) as second:
        assert second.info["hubspot"]["token"] == token
    with running(tmp_path / "three", world=None, seed=4) as third:
        assert third.info["hubspot"]["token"] != token


def test_salesforce_is_refused_without_its_authority(tmp_path: Path) -> None:
    """Salesforce speaks TLS under the sandbox's own authority, which a client has to trust."""
    with running(tmp_path, world=None) as sandbox:
        stranger = requests.Session()
        stranger.trust_env = False
        with stranger, pytest.raises(requests.exceptions.SSLError):
            stranger.get(sandbox.info["salesforce"]["login_url"], timeout=10)
        assert sandbox.login()


def test_localhost_is_in_the_certificate(tmp_path: Path) -> None:
    """The certificate holds for localhost as for 127.0.0.1."""
    with running(tmp_path, world=None) as sandbox:
        url = sandbox.info["salesforce"]["login_url"].replace("127.0.0.1", "localhost")
        assert sandbox.session.get(url + "/services/data/", timeout=10).status_code == 200


def test_lost_reply_keeps_what_was_written(tmp_path: Path) -> None:
    """lost_reply breaks the connection after the vendor committed the record."""
    with running(tmp_path, world=None) as sandbox:
        sandbox.admin("POST", "/faults", {"system": "hubspot", "kind": "lost_reply", "calls": 1})
        with pytest.raises(requests.exceptions.ConnectionError):
            sandbox.hubspot("POST", LIST, {"properties": {"email": "lost@reply-test.com"}})
        again = sandbox.hubspot("POST", LIST, {"properties": {"email": "lost@reply-test.com"}})
        assert again.status_code == 409


def test_cut_body_sends_half(tmp_path: Path) -> None:
    """cut_body announces the whole length and breaks off in the middle."""
    with running(tmp_path, world=None) as sandbox:
        sandbox.admin("POST", "/faults", {"system": "hubspot", "kind": "cut_body", "calls": 1})
        with pytest.raises(requests.exceptions.RequestException):
            sandbox.hubspot("GET", "/crm/v3/properties/contacts")
        assert sandbox.hubspot("GET", "/crm/v3/properties/contacts").status_code == 200


def test_latency_delays_the_matching_path_alone(tmp_path: Path) -> None:
    """The latency fault holds back the answer by its value, only where the path matches."""
    with running(tmp_path, world=None) as sandbox:
        slow = {"system": "hubspot", "kind": "latency", "match": "/owners", "value": 0.5}
        sandbox.admin("POST", "/faults", slow)
        assert sandbox.hubspot("GET", "/crm/v3/owners/").elapsed.total_seconds() >= 0.5
        listed = sandbox.admin("GET", "/faults").json()["faults"]
        sandbox.hubspot("GET", LIST)
        assert [fault["struck"] for fault in listed] == [1]
        assert sandbox.admin("GET", "/faults").json()["faults"][0]["struck"] == 1


def test_calls_count_templates_lost_replies_and_unknown_paths(tmp_path: Path) -> None:
    """Every request counts once under its route, also one whose reply was lost."""
    with running(tmp_path, world=None) as sandbox:
        sandbox.admin("POST", "/faults", {"system": "hubspot", "kind": "lost_reply", "calls": 1})
        with pytest.raises(requests.exceptions.ConnectionError):
            sandbox.hubspot("GET", f"{LIST}/1")
        sandbox.hubspot("GET", f"{LIST}/2")
        sandbox.hubspot("GET", "/nowhere")
        sandbox.login()
        counts = sandbox.admin("GET", "/calls").json()
        assert sorted(counts["hubspot"]["GET"].values()) == [1, 2]
        assert counts["hubspot"]["GET"]["(unknown)"] == 1
        assert counts["salesforce"]["POST"] == {"/services/oauth2/token": 1}
        sandbox.admin("DELETE", "/calls")
        assert sandbox.admin("GET", "/calls").json() == {}


def test_a_proxy_port_is_announced(tmp_path: Path) -> None:
    """With `--proxy-port` the readable form and the JSON line name the proxy's address."""
    with start_process(tmp_path, world=None, proxy_port=0) as sandbox:
        assert sandbox.info["proxy_url"].startswith("http://127.0.0.1:")
    command = [sys.executable, "-m", "sandbox", "--dir", str(tmp_path), "--empty"]
    with subprocess.Popen(
        [*command, "--proxy-port", "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        text = "".join(process.stdout.readline() for _ in range(7))
        process.terminate()
        assert process.wait(10) == 0
    assert "Proxy       http://127.0.0.1:" in text
