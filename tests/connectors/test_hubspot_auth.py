"""A public app's access token runs out in mid-run, is renewed, and nothing is sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.base import load
from mappings.errors import AuthenticationError, ConfigurationError, UnavailableError
from mappings.records import Operation, OutcomeStatus, Write
from sandbox.hubspot.history import history as versions_of
from tests.connectors.test_hubspot_contract import HubSpotBench
from tests.connectors.vendors import Vendors, running
from tests.contract import Puller


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[Vendors]:
    """A sandbox of the test's own."""
    with running(tmp_path) as started:
        yield started


def oauth(vendors: Vendors, **changed: str) -> dict[str, str]:
    """The settings of a public app that is installed in the sandbox's account."""
    tokens = vendors.sandbox.hubspot.tokens
    settings = {
        "base_url": vendors.hubspot_settings["base_url"],
        "refresh_token": tokens.refresh_token,
        "client_id": tokens.client_id,
        "client_secret": tokens.client_secret,
    }
    return {**settings, **changed}


def token_calls(vendors: Vendors) -> list[tuple[str, int]]:
    """The token endpoints that were called, and how often."""
    counted = vendors.do(lambda: vendors.sandbox.calls.counts()["hubspot"]["POST"])
    return [(path, times) for path, times in counted.items() if path.startswith("/oauth/")]


@pytest.mark.parametrize(
    ("api", "path"), [("v3", "/oauth/v1/token"), ("2026-03", "/oauth/v3/token")]
)
def test_a_token_that_runs_out_in_mid_run_is_renewed(vendors: Vendors, api: str, path: str) -> None:
    """Reads and writes go on after one renewal each time, on either set of paths; a write that was
    refused for its token is applied once."""
    bench = HubSpotBench(vendors)
    record_id = bench.put(1)
    connector = load("hubspot", oauth(vendors, api=api), sleep=vendors.sleep)
    connector.configure({"contacts": ("lastname",)})
    puller = Puller(connector, "contacts")
    puller.pull()
    vendors.arm("hubspot", "expire_session", calls=1)
    bench.edit(record_id, "Later")
    puller.pull()
    vendors.arm("hubspot", "expire_session", calls=1)
    versions = len(last_names(bench, record_id))
    row = Write("k", Operation.UPDATE, "contacts", {"lastname": "Written"}, id=record_id)
    (done,) = connector.write([row])
    connector.close()
    assert puller.row(record_id).fields["lastname"] == "Later"
    assert done.status is OutcomeStatus.OK
    assert len(last_names(bench, record_id)) == versions + 1
    assert token_calls(vendors) == [(path, 3)]


def last_names(bench: HubSpotBench, record_id: str) -> list[str]:
    """Every value the last name ever had."""
    account = bench.account
    record = bench.vendors.do(lambda: account.live(account.catalogue.stores["contacts"], record_id))
    return [version.value for version in versions_of(record, "lastname")]


def test_a_token_refused_twice_is_an_authentication_error(vendors: Vendors) -> None:
    """A new token that is refused as well ends the call; there is no third attempt."""
    connector = load("hubspot", oauth(vendors), sleep=vendors.sleep)
    vendors.arm("hubspot", "expire_session", calls=5)
    with pytest.raises(AuthenticationError):
        connector.check()
    connector.close()
    assert token_calls(vendors) == [("/oauth/v1/token", 2)]


def test_a_revoked_refresh_token_says_what_to_do(vendors: Vendors) -> None:
    """The error shows HubSpot's word for the refusal and no token; the remedy names the setting."""
    connector = load("hubspot", oauth(vendors, refresh_token="gone-0815"), sleep=vendors.sleep)
    with pytest.raises(AuthenticationError, match="BAD_REFRESH_TOKEN") as raised:
        connector.check()
    connector.close()
    assert "gone-0815" not in str(raised.value.as_dict())
    assert "refresh_token" in raised.value.remedy


def test_nobody_at_the_token_endpoint_is_a_vendor_that_is_down() -> None:
    """Where no token can be had, nothing was sent: the vendor is unavailable, even for a write."""
    settings = {
        "base_url": "http://127.0.0.1:9",
        "refresh_token": "r",
        "client_id": "c",
        "client_secret": "s",
    }
    connector = load("hubspot", settings, sleep=lambda _seconds: None)
    row = Write("k", Operation.UPDATE, "contacts", {"lastname": "x"}, id="1")
    with pytest.raises(UnavailableError):
        connector.write([row])
    connector.close()


def test_half_of_an_oauth_app_is_no_credential() -> None:
    """A refresh token without its app is refused before any call, with the settings named."""
    with pytest.raises(ConfigurationError, match="client_secret"):
        load("hubspot", {"refresh_token": "r", "client_id": "c"})
