"""Tokens, rate limits, headers and vendor-shaped faults of the HubSpot sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import pytest

from tests.sandbox.hubspot_server import Hub, served

ME = "/integrations/v1/me"
CONTACTS = "/crm/v3/objects/contacts"


@pytest.fixture
def hub() -> Iterator[Hub]:
    """An account whose clock stands still."""
    with served() as running:
        yield running


def arm(hub: Hub, kind: str, **more: object) -> None:
    """Arm a fault."""
    hub.account.faults.add({"system": "hubspot", "kind": kind, **more})


def test_tokens(hub: Hub) -> None:
    """No token and a wrong one are 401 INVALID_AUTHENTICATION; a refreshed one is good."""
    for token in (None, "wrong"):
        answer = hub.call("GET", ME, token=token)
        assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")
    tokens = hub.account.tokens
    form = {"grant_type": "refresh_token", "client_id": tokens.client_id,
            "client_secret": tokens.client_secret, "refresh_token": "bad"}  # fmt: skip
    url = f"{hub.url}/oauth/v3/token"
    bad = hub.session.post(url, data=form, timeout=10)
    assert (bad.status_code, bad.json()["status"]) == (400, "BAD_REFRESH_TOKEN")
    good = hub.session.post(
        url, data={**form, "refresh_token": tokens.refresh_token}, timeout=10
    ).json()
    assert good["expires_in"] == 1800
    answer = hub.call("GET", ME, token=good["access_token"])
    assert answer.status_code == 200
    assert "X-HubSpot-RateLimit-Daily" not in answer.headers


def test_missing_scope(hub: Hub) -> None:
    """A scope the app lacks is a 403 that names it; reading goes on."""
    hub.account.tokens.denied_scopes.add("crm.objects.contacts.write")
    answer = hub.call("POST", CONTACTS, {"properties": {"email": "a@demo.example"}})
    assert (answer.status_code, answer.json()["category"]) == (403, "MISSING_SCOPES")
    assert answer.json()["context"]["requiredGranularScopes"] == ["crm.objects.contacts.write"]
    assert hub.call("GET", CONTACTS).status_code == 200


def test_ten_second_pool(hub: Hub) -> None:
    """Call 191 within ten seconds is refused without Retry-After; later there is room again."""
    for _ in range(190):
        hub.account.limits.take(search=False)
    answer = hub.call("GET", ME)
    body = answer.json()
    assert answer.status_code == 429
    assert (body["errorType"], body["policyName"]) == ("RATE_LIMIT", "TEN_SECONDLY_ROLLING")
    assert "Retry-After" not in answer.headers
    assert "X-HubSpot-RateLimit-Max" not in answer.headers
    hub.account.clock.move(10)
    again = hub.call("GET", ME)
    assert again.headers["X-HubSpot-RateLimit-Remaining"] == "189"


def test_search_has_its_own_second(hub: Hub) -> None:
    """The sixth search in a second is refused with the bare body; other calls go on."""
    codes = [hub.call("POST", f"{CONTACTS}/search", {}).status_code for _ in range(6)]
    assert codes == [200] * 5 + [429]
    answer = hub.call("POST", f"{CONTACTS}/search", {})
    assert answer.json()["category"] == "RATE_LIMITS"
    assert answer.json()["message"] == "You have reached your secondly limit."
    assert hub.call("GET", ME).headers["X-HubSpot-RateLimit-Remaining"] == "189"
    hub.account.clock.move(1)
    assert hub.call("POST", f"{CONTACTS}/search", {}).status_code == 200


def test_daily_limit_ends_at_midnight_of_the_account(hub: Hub) -> None:
    """The daily allowance is refused by policy DAILY and returns at US/Eastern midnight."""
    hub.account.limits.daily = 2
    assert [hub.call("GET", ME).status_code for _ in range(3)] == [200, 200, 429]
    assert hub.call("GET", ME).json()["policyName"] == "DAILY"
    left = (hub.account.limits.resets_at() - hub.account.clock.now()).total_seconds()
    assert left == 21 * 3600
    hub.account.clock.move(left)
    assert hub.call("GET", ME).headers["X-HubSpot-RateLimit-Daily-Remaining"] == "1"


def test_limits_can_be_switched_off(hub: Hub) -> None:
    """Switched off, nothing is refused and the headers still tell."""
    hub.account.limits.enabled = False
    codes = {hub.call("POST", f"{CONTACTS}/search", {}).status_code for _ in range(12)}
    assert codes == {200}


def test_date_header_is_the_virtual_clock(hub: Hub) -> None:
    """Every reply bears the sandbox's own date."""
    hub.account.clock.move(86_400)
    shown = parsedate_to_datetime(hub.call("GET", ME).headers["Date"])
    assert shown == hub.account.clock.now().replace(microsecond=0)


def test_rate_limit_storm_shows_both_bodies(hub: Hub) -> None:
    """A storm of 429s alternates the two shapes and reaches no handler."""
    arm(hub, "rate_limit", calls=4)
    body = {"properties": {"email": "a@demo.example"}}
    answers = [hub.call("POST", CONTACTS, body) for _ in range(5)]
    assert [each.status_code for each in answers] == [429] * 4 + [201]
    shapes = ["policyName" in each.json() for each in answers[:4]]
    assert shapes == [False, True, False, True]


@pytest.mark.parametrize(
    ("kind", "status", "category"),
    [
        ("daily_limit", 429, None),
        ("error_before", 502, None),
        ("lock_row", 423, "OBJECT_LOCKED"),
        ("expire_session", 401, "EXPIRED_AUTHENTICATION"),
    ],
)
def test_faults_before_the_handler_change_nothing(
    hub: Hub, kind: str, status: int, category: str | None
) -> None:
    """These faults answer instead of the handler, once, and leave the account as it was."""
    arm(hub, kind, calls=1)
    body = {"properties": {"email": "a@demo.example"}}
    answer = hub.call("POST", CONTACTS, body)
    assert answer.status_code == status
    if category is not None:
        assert answer.json()["category"] == category
    assert list(hub.account.ids("contacts")) == []
    assert hub.call("POST", CONTACTS, body).status_code == 201


def test_error_after_has_done_the_work(hub: Hub) -> None:
    """A 5xx after the commit leaves the record there."""
    arm(hub, "error_after", calls=1, value=503)
    body = {"properties": {"email": "a@demo.example"}}
    assert hub.call("POST", CONTACTS, body).status_code == 503
    assert hub.account.find_contact("a@demo.example") is not None


def test_partial_batch_fails_some_inputs(hub: Hub) -> None:
    """A struck batch answers 207, names the failed inputs and has done the others."""
    arm(hub, "partial_batch", value=0.3)
    inputs = [
        {"properties": {"email": f"p{n}@demo.example"}, "objectWriteTraceId": str(n)}
        for n in range(10)
    ]
    body = hub.post(f"{CONTACTS}/batch/create", {"inputs": inputs}, 207)
    assert (len(body["results"]), body["numErrors"], len(body["errors"])) == (7, 3, 3)
    failed = {each["context"]["objectWriteTraceId"][0] for each in body["errors"]}
    made = {each["objectWriteTraceId"] for each in body["results"]}
    assert failed | made == {str(n) for n in range(10)}
    assert len(list(hub.account.ids("contacts"))) == 7


def test_search_lag_fault(hub: Hub) -> None:
    """A write struck by search_lag stays out of searches for `value` seconds."""
    arm(hub, "search_lag", calls=1, value=90)
    hub.post(CONTACTS, {"properties": {"email": "a@demo.example"}}, 201)
    hub.account.clock.move(89)
    assert hub.search("contacts", ("email", "EQ", "a@demo.example"))["total"] == 0
    hub.account.clock.move(2)
    assert hub.search("contacts", ("email", "EQ", "a@demo.example"))["total"] == 1


def test_late_commit_bears_an_older_stamp(hub: Hub) -> None:
    """A late commit appears now with a modified date that a cursor has passed already."""
    one = hub.post(CONTACTS, {"properties": {"email": "a@demo.example"}}, 201)["id"]
    hub.account.clock.move(60)
    cursor = str(hub.account.now() - 1_000)
    arm(hub, "late_commit", calls=1, value=20)
    hub.call("PATCH", f"{CONTACTS}/{one}", {"properties": {"city": "Bern"}})
    assert hub.search("contacts", ("lastmodifieddate", "GTE", cursor))["total"] == 0
    assert hub.account.get("contacts", one)["city"] == "Bern"


def test_account_info_and_usage(hub: Hub) -> None:
    """Account details name the portal; the usage call counts today's calls."""
    details = hub.get("/account-info/v3/details")
    assert (details["portalId"], details["utcOffset"]) == (hub.account.portal_id, "-05:00")
    usage = hub.get("/account-info/v3/api-usage/daily/private-apps")["results"][0]
    assert (usage["currentUsage"], usage["usageLimit"]) == (2, 625_000)


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/crm/v3/objects/CONTACT", "crm.objects.contacts.read"),
        ("POST", "/crm/v3/objects/0-2/search", "crm.objects.companies.read"),
        ("POST", "/crm/v3/objects/0-2/batch/create", "crm.objects.companies.write"),
        ("PATCH", "/crm/objects/2026-03/deals/7", "crm.objects.deals.write"),
        ("GET", "/crm/v3/objects/2-77", "crm.objects.custom.read"),
        ("POST", "/crm/v4/associations/contacts/companies/batch/read", "crm.objects.contacts.read"),
        ("GET", "/crm/v3/properties/contacts", "crm.schemas.contacts.read"),
        ("GET", "/properties/v1/contacts/properties", "crm.schemas.contacts.read"),
        ("POST", "/contacts/v1/contact", "crm.objects.contacts.write"),
        ("GET", "/contacts/v1/lists", "crm.lists.read"),
        ("PUT", "/crm/v3/lists/7/memberships/add", "crm.lists.write"),
        ("GET", "/crm/v3/owners/", "crm.objects.owners.read"),
        ("GET", "/crm/v3/schemas", "crm.schemas.custom.read"),
        ("GET", "/settings/v3/users/", "settings.users.read"),
        ("GET", "/marketing/v3/forms/", "forms"),
        ("GET", "/marketing/v3/emails/", "content"),
        ("GET", "/email/public/v1/events", "content"),
        ("POST", "/events/v3/send", "analytics.behavioral_events.send"),
        (
            "POST",
            "/communication-preferences/v3/unsubscribe",
            "communication_preferences.read_write",
        ),
    ],
)
def test_a_scope_that_was_refused_is_named(method: str, path: str, scope: str) -> None:
    """403 with the scope the call lacks, by every way to name an object; other calls go on."""
    with served() as hub:
        hub.account.tokens.denied_scopes.add(scope)
        answer = hub.call(method, path, {} if method != "GET" else None)
        body = answer.json()
        assert (answer.status_code, body["category"]) == (403, "MISSING_SCOPES")
        assert body["context"]["requiredGranularScopes"] == [scope]
        assert hub.call("GET", "/integrations/v1/me").status_code == 200
