"""What Salesforce's clients ask beside records: pages, counts, relationships, tokens, Bulk 1.0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.harness import Running, running

DATA = "/services/data/v61.0"
ASYNC = "/services/async/61.0/job"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """An org with one account and its contact."""
    with running(tmp_path_factory.mktemp("org"), world=None) as started:
        yield started


@pytest.fixture(scope="module")
def pair(client: Running) -> tuple[str, str]:
    """The ids of an account and of its contact."""
    account = made(client, "Account", Name="Acme Works")
    return account, made(client, "Contact", LastName="Ames", AccountId=account)


def made(client: Running, sobject: str, **fields: Any) -> str:
    """Create a record; its id."""
    answer = client.salesforce("POST", f"{DATA}/sobjects/{sobject}", fields)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def got(client: Running, path: str) -> Any:
    """The JSON of a GET that must succeed."""
    answer = client.salesforce("GET", f"{DATA}{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(client: Running, path: str) -> tuple[int, str]:
    """The status and code of a GET that must not succeed."""
    answer = client.salesforce("GET", f"{DATA}{path}")
    return answer.status_code, answer.json()[0]["errorCode"]


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/theme", {"themeItems"}),
        ("/appMenu/", {"AppSwitcher", "NetworkTabs", "Salesforce1"}),
        ("/appMenu/AppSwitcher/", {"appMenuItems"}),
        ("/compactLayouts?q=Account,Lead", {"Account", "Lead"}),
        ("/process/rules/", {"rules"}),
        ("/process/approvals/", {"approvals"}),
        ("/actions", {"standard", "custom"}),
        ("/actions/standard", {"actions"}),
        ("/sobjects/Lead/describe/approvalLayouts", {"approvalLayouts"}),
        ("/tooling/completions?type=apex", {"publicDeclarations"}),
        (
            "/sobjects/Lead/describe/compactLayouts",
            {
                "compactLayouts",
                "defaultCompactLayoutId",
                "recordTypeCompactLayoutMappings",
                "urls",
            },
        ),
        (
            "/sobjects/Lead/listviews",
            {"done", "listviews", "nextRecordsUrl", "size", "sobjectType"},
        ),
        (
            "/sobjects/Lead/describe/layouts/",
            {"layouts", "recordTypeMappings", "recordTypeSelectorRequired"},
        ),
    ],
)
def test_pages_have_their_keys(client: Running, path: str, keys: set[str]) -> None:
    """Whoever builds a screen finds the vendor's keys, with and without a slash."""
    assert set(got(client, path)) == keys


def test_lists_of_things_are_lists(client: Running) -> None:
    """Tabs, actions, reports and search scopes come as bare arrays."""
    assert got(client, "/tabs")[0]["sobjectName"] == "Account"
    assert got(client, "/sobjects/Lead/quickActions")[0]["name"] == "LogACall"
    assert got(client, "/quickActions/LogACall")["targetSobjectType"] == "Task"
    assert refused(client, "/quickActions/Nope") == (404, "NOT_FOUND")
    assert got(client, "/analytics/reports") == []
    assert got(client, "/sobjects/relevantItems") == []
    assert got(client, "/search/scopeOrder")[0]["type"] == "Account"
    layout = got(client, "/search/layout?q=Lead")[0]
    assert "Lead.Email" in [one["field"] for one in layout["searchColumns"]]


def test_a_layout_holds_every_field_the_caller_may_see(client: Running) -> None:
    """One section with a row a field of describe; a record type the object has not is 404."""
    described = {one["name"] for one in got(client, "/sobjects/Contact/describe")["fields"]}
    layout = got(client, "/sobjects/Contact/describe/layouts/012000000000000AAA")
    rows = layout["detailLayoutSections"][0]["layoutRows"]
    assert {row["layoutItems"][0]["layoutComponents"][0]["value"] for row in rows} == described
    assert refused(client, "/sobjects/Contact/describe/layouts/012000000000001AAA") == (
        404,
        "NOT_FOUND",
    )
    assert refused(client, "/sobjects/Nope/describe/layouts") == (404, "NOT_FOUND")
    assert refused(client, "/compactLayouts") == (400, "MISSING_ARGUMENT")


def test_a_list_view_shows_the_records(client: Running, pair: tuple[str, str]) -> None:
    """Its results are those of its query, as text; another id is 404."""
    [view] = got(client, "/sobjects/Account/listviews")["listviews"]
    place = f"/sobjects/Account/listviews/{view['id']}"
    assert got(client, place) == view
    described = got(client, f"{place}/describe")
    assert described["query"].startswith("SELECT Id, Name")
    shown = got(client, f"{place}/results?limit=1")
    values = {one["fieldNameOrPath"]: one["value"] for one in shown["records"][0]["columns"]}
    assert (values["Id"], values["Name"], shown["size"]) == (pair[0], "Acme Works", 1)
    assert got(client, f"{place}/results?offset=1")["records"] == []
    other = "/sobjects/Account/listviews/00BWs0000099999"
    assert refused(client, other) == (404, "NOT_FOUND")
    assert got(client, "/sobjects/Account/listviews/recent")["size"] == 0


def test_records_are_counted_and_suggested(client: Running, pair: tuple[str, str]) -> None:
    """Counts leave out unknown objects; suggestions go by the beginning of the name."""
    counts = got(client, "/limits/recordCount?sObjects=Account,Lead,Nope")["sObjects"]
    assert counts == [{"count": 1, "name": "Account"}, {"count": 0, "name": "Lead"}]
    found = got(client, "/search/suggestions?q=Acm&sobject=Account")
    assert [one["Id"] for one in found["autoSuggestResults"]] == [pair[0]]
    assert found["hasMoreResults"] is False
    assert refused(client, "/search/suggestions?q=A&sobject=Account") == (400, "MALFORMED_SEARCH")


def test_relationships_are_followed_by_path(client: Running, pair: tuple[str, str]) -> None:
    """A parent is a record, children are an answer; what is not set or not there is 404."""
    account, contact = pair
    assert got(client, f"/sobjects/Contact/{contact}/Account?fields=Name")["Name"] == "Acme Works"
    children = got(client, f"/sobjects/Account/{account}/Contacts")
    assert (children["totalSize"], children["records"][0]["Id"]) == (1, contact)
    assert refused(client, f"/sobjects/Contact/{contact}/ReportsTo") == (404, "NOT_FOUND")
    assert refused(client, f"/sobjects/Contact/{contact}/Cousins") == (404, "NOT_FOUND")


def test_passwords_apex_and_versions(client: Running) -> None:
    """No password expires, no Apex runs, and versions are called by their season."""
    user = got(client, "/query?q=SELECT+Id+FROM+User+LIMIT+1")["records"][0]["Id"]
    place = f"{DATA}/sobjects/User/{user}/password"
    assert client.salesforce("GET", place).json() == {"isExpired": False}
    assert client.salesforce("POST", place, {"NewPassword": "x"}).status_code == 204
    assert client.salesforce("POST", place, {}).status_code == 400
    assert got(client, "/tooling/executeAnonymous?anonymousBody=x")["compiled"] is False
    answer = client.salesforce("POST", "/services/apexrest/Leads/", {})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND")
    labels = {
        one["version"]: one["label"] for one in client.salesforce("GET", "/services/data").json()
    }
    assert (labels["42.0"], labels["59.0"], labels["68.0"]) == (
        "Spring '18",
        "Winter '24",
        "Winter '27",
    )


def test_tokens_are_told_about_and_revoked(client: Running) -> None:
    """Introspection needs the app's secret; a revoked token is inactive and revoked only once."""
    url = client.info["salesforce"]["login_url"] + "/services/oauth2"
    app = {key: client.info["salesforce"][key] for key in ("client_id", "client_secret")}
    form = {**app, "token": client.login()}

    def post(name: str, data: dict[str, str]) -> Any:
        return client.session.post(f"{url}/{name}", data=data, timeout=30)

    told = post("introspect", form).json()
    assert (told["active"], told["token_type"]) == (True, "access_token")
    assert post("introspect", {**form, "client_secret": "no"}).status_code == 401
    assert post("revoke", {"token": form["token"]}).status_code == 200
    assert post("introspect", form).json() == {"active": False}
    again = post("revoke", {"token": form["token"]})
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")
    place = client.info["salesforce"]["login_url"] + "/.well-known/openid-configuration"
    assert client.session.get(place, timeout=30).json()["token_endpoint"] == f"{url}/token"


# --- Bulk 1.0 --------------------------------------------------------------------------------


def call(
    client: Running, method: str, path: str, body: str | None = None, kind: str = "application/json"
) -> Any:
    """One Bulk 1.0 call."""
    headers = {"X-SFDC-Session": client.login(), "Content-Type": kind}
    url = client.info["salesforce"]["login_url"] + path
    return client.session.request(method, url, data=body, headers=headers, timeout=30)


def test_a_job_of_json_writes_and_reads(client: Running) -> None:
    """Rows that fail say why beside those that do not; a query's result is one file of records."""
    job = call(
        client, "POST", ASYNC, '{"operation":"insert","object":"Lead","contentType":"JSON"}'
    ).json()
    assert (job["state"], job["apiVersion"]) == ("Open", 61.0)
    rows = '[{"LastName":"Bulky","Company":"B"},{"LastName":"Bulky"}]'
    batch = call(client, "POST", f"{ASYNC}/{job['id']}/batch", rows).json()
    assert batch["state"] == "Queued"
    place = f"{ASYNC}/{job['id']}/batch/{batch['id']}"
    assert call(client, "GET", place).json()["numberRecordsFailed"] == 1
    good, bad = call(client, "GET", f"{place}/result").json()
    assert (good["success"], good["created"]) == (True, True)
    assert (bad["id"], bad["errors"][0]["statusCode"]) == (None, "REQUIRED_FIELD_MISSING")
    assert call(client, "GET", f"{place}/request").text == rows
    closed = call(client, "POST", f"{ASYNC}/{job['id']}", '{"state":"Closed"}').json()
    assert (closed["state"], closed["numberBatchesCompleted"]) == ("Closed", 1)
    late = call(client, "POST", f"{ASYNC}/{job['id']}/batch", rows)
    assert (late.status_code, late.json()["exceptionCode"]) == (400, "InvalidJobState")
    ask = '{"operation":"query","object":"Lead","contentType":"JSON"}'
    job = call(client, "POST", ASYNC, ask).json()
    soql = "SELECT Id, LastName FROM Lead WHERE LastName = 'Bulky'"
    batch = call(client, "POST", f"{ASYNC}/{job['id']}/batch", soql).json()
    place = f"{ASYNC}/{job['id']}/batch/{batch['id']}/result"
    [file] = call(client, "GET", place).json()
    assert [one["Id"] for one in call(client, "GET", f"{place}/{file}").json()] == [good["id"]]


def test_a_job_of_xml_takes_csv(client: Running) -> None:
    """Asked in XML it answers in XML; rows and results are CSV, `#N/A` clears a field."""
    ask = (
        '<jobInfo xmlns="http://www.force.com/2009/06/asyncapi/dataload"><operation>{}</operation>'
        "<object>Lead</object><contentType>CSV</contentType></jobInfo>"
    )

    def job(operation: str) -> str:
        answer = call(client, "POST", ASYNC, ask.format(operation), "application/xml")
        assert answer.status_code == 201
        return str(answer.text.partition("<id>")[2].partition("</id>")[0])

    def batch(job_id: str, text: str) -> str:
        answer = call(client, "POST", f"{ASYNC}/{job_id}/batch", text, "text/csv")
        assert "<state>Queued</state>" in answer.text
        batch_id = answer.text.partition("<id>")[2].partition("</id>")[0]
        return f"{ASYNC}/{job_id}/batch/{batch_id}"

    key = made(client, "Lead", LastName="Csv", Company="C", Title="Boss")
    place = batch(job("update"), f"Id,Title,Company\n{key},#N/A,\n00Q000000000000AAA,x,\n")
    assert "<state>Completed</state>" in call(client, "GET", place).text
    lines = call(client, "GET", f"{place}/result").text.splitlines()
    assert lines[:2] == ['"Id","Success","Created","Error"', f'"{key}","true","false",""']
    assert lines[2].startswith('"","false","false","')
    row = got(client, f"/sobjects/Lead/{key}?fields=Title,Company")
    assert (row["Title"], row["Company"]) == (None, "C")
    place = batch(job("queryAll"), f"SELECT Id, Owner.Name FROM Lead WHERE Id = '{key}'")  # noqa: S608
    listed = call(client, "GET", f"{place}/result").text
    file = listed.partition("<result>")[2].partition("</result>")[0]
    assert call(client, "GET", f"{place}/result/{file}").text.startswith(
        f'"Id","Owner.Name"\n"{key}"'
    )
    wrong = batch(job("query"), "SELECT Nope FROM Lead")
    assert "<state>Failed</state>" in call(client, "GET", wrong).text


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"operation":"paint","object":"Lead","contentType":"CSV"}', "InvalidJob"),
        ('{"operation":"insert","object":"Nope","contentType":"CSV"}', "InvalidJob"),
        ('{"operation":"upsert","object":"Lead","contentType":"CSV"}', "InvalidJob"),
        ('{"operation":"insert","object":"Lead","contentType":"ZIP_CSV"}', "InvalidJob"),
        ("{", "InvalidJob"),
        ("[]", "InvalidJob"),
    ],
)
def test_a_job_that_cannot_be_is_refused(client: Running, body: str, code: str) -> None:
    """Bulk 1.0 has error objects of its own: exceptionCode and exceptionMessage."""
    answer = call(client, "POST", ASYNC, body)
    assert (answer.status_code, set(answer.json())) == (400, {"exceptionCode", "exceptionMessage"})
    assert answer.json()["exceptionCode"] == code


def test_bulk_refuses_strangers_in_its_own_words(client: Running) -> None:
    """Without a session it is InvalidSessionId, as XML where nobody asked for JSON."""
    url = client.info["salesforce"]["login_url"] + ASYNC
    answer = client.session.post(url, data="<jobInfo/>", timeout=30)
    assert answer.status_code == 401
    assert "<exceptionCode>InvalidSessionId</exceptionCode>" in answer.text
    unknown = call(client, "GET", f"{ASYNC}/750000000000000AAA")
    assert unknown.json()["exceptionCode"] == "InvalidJob"
    hostile = '<!DOCTYPE x [<!ENTITY a "b">]><jobInfo>&a;</jobInfo>'
    assert "InvalidJob" in call(client, "POST", ASYNC, hostile, "application/xml").text


# --- trees, conditions, further refusals -----------------------------------------------------


def node(kind: str, reference: str, **fields: Any) -> dict[str, Any]:
    """A record of a tree."""
    return {"attributes": {"type": kind, "referenceId": reference}, **fields}


def test_a_tree_makes_children_with_their_parents(client: Running) -> None:
    """Children hang at what was made above them; one wrong record and nothing is made."""
    place = f"{DATA}/composite/tree/Account"
    child = node("Contact", "c", LastName="Leaf")
    tree = {"records": [node("Account", "a", Name="Root", Contacts={"records": [child]})]}
    answer = client.salesforce("POST", place, tree)
    assert answer.status_code == 201
    made_ids = {one["referenceId"]: one["id"] for one in answer.json()["results"]}
    row = got(client, f"/sobjects/Contact/{made_ids['c']}?fields=AccountId")
    assert row["AccountId"] == made_ids["a"]
    child.pop("LastName")
    tree["records"][0]["Name"] = "Nowhere"
    answer = client.salesforce("POST", place, tree)
    [wrong] = answer.json()["results"]
    assert (answer.status_code, wrong["referenceId"]) == (400, "c")
    assert wrong["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert got(client, "/query?q=SELECT+Id+FROM+Account+WHERE+Name='Nowhere'")["totalSize"] == 0


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([{"attributes": {"type": "Account"}, "Name": "x"}], "reference ID"),
        ([node("Account", "a", Name="x"), node("Account", "a", Name="y")], "Duplicate"),
        ([node("Account", f"r{n}", Name="x") for n in range(201)], "200"),
    ],
)
def test_a_tree_that_cannot_be_is_refused(client: Running, records: list[Any], words: str) -> None:
    """References are needed, differ, and are at most 200."""
    answer = client.salesforce("POST", f"{DATA}/composite/tree/Account", {"records": records})
    error = answer.json()["results"][0]["errors"][0]
    assert (answer.status_code, error["statusCode"]) == (400, "INVALID_INPUT")
    assert words in error["message"]


def test_conditions_are_kept(client: Running, pair: tuple[str, str]) -> None:
    """304 for who has seen this state, 412 for who has not seen the latest."""
    url = client.info["salesforce"]["login_url"] + f"{DATA}/sobjects/Account/{pair[0]}"
    token = {"Authorization": f"Bearer {client.login()}"}
    late, early = "Wed, 01 Jan 2098 00:00:00 GMT", "Wed, 01 Jan 2014 00:00:00 GMT"

    def ask(method: str, **headers: str) -> int:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        answer = client.session.request(
            method, url, json={"Name": "Acme Works"}, headers={**token, **named}, timeout=30
        )
        return answer.status_code

    assert ask("GET", If_Modified_Since=late) == 304
    assert ask("GET", If_Modified_Since=early) == 200
    assert ask("GET", If_Modified_Since="soon") == 200
    assert ask("PATCH", If_Unmodified_Since=early) == 412
    assert ask("PATCH", If_Unmodified_Since=late) == 204


def test_ids_stand_where_they_belong(client: Running, pair: tuple[str, str]) -> None:
    """What is no id is taken for a key field; an id in a create is refused; `Id` creates."""
    for method in ("GET", "PATCH", "DELETE"):
        body = {"Name": "x"} if method == "PATCH" else None
        answer = client.salesforce(method, f"{DATA}/sobjects/Account/123", body)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND")
    record = {"attributes": {"type": "Account"}, "id": pair[0], "Name": "x"}
    answer = client.salesforce("POST", f"{DATA}/composite/sobjects", {"records": [record]})
    [row] = answer.json()
    assert row["errors"][0]["statusCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    answer = client.salesforce("POST", f"{DATA}/sobjects/Account/Id", {"Name": "By Id"})
    assert answer.status_code == 201


def test_limits_are_those_of_an_org(client: Running) -> None:
    """Every allowance has its most and what is left, more than thirty of them."""
    limits = got(client, "/limits")
    assert len(limits) > 30
    assert all(set(one) == {"Max", "Remaining"} for one in limits.values())
