"""hubspot-api-client: objects, batches, search, associations, lists, merges, erasure, events."""

from __future__ import annotations

from typing import Any

import pytest
from hubspot import HubSpot
from hubspot.crm.associations.v4 import AssociationSpec
from hubspot.crm.contacts import (
    BatchInputSimplePublicObjectBatchInput,
    BatchInputSimplePublicObjectBatchInputUpsert,
    BatchInputSimplePublicObjectId,
    BatchReadInputSimplePublicObjectId,
    PublicGdprDeleteInput,
    PublicMergeInput,
    PublicObjectSearchRequest,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.contacts.exceptions import ApiException, NotFoundException
from hubspot.crm.deals import SimplePublicObjectInputForCreate as DealInput
from hubspot.crm.lists import ListCreateRequest
from hubspot.crm.pipelines import PipelineStageInput
from hubspot.events.send import BehavioralEventHttpCompletionRequest

from tests.clients.conftest import Bench


@pytest.fixture(scope="module")
def client(bench: Bench) -> HubSpot:
    """The SDK, pointed at the sandbox as FACTS section 1 says."""
    hubspot = bench.info["hubspot"]
    return HubSpot(access_token=hubspot["token"], host=hubspot["url"], base_url=hubspot["url"])


def made(client: HubSpot, email: str, **more: str) -> str:
    """A contact made through the SDK; its id."""
    given = SimplePublicObjectInputForCreate(properties={"email": email, **more})
    return str(client.crm.contacts.basic_api.create(simple_public_object_input_for_create=given).id)


def test_get_all_walks_every_page(client: HubSpot, bench: Bench) -> None:
    """The SDK's own paging brings each live contact once, with the values stored."""
    found = {row.id: row for row in client.crm.contacts.get_all(properties=["email", "lastname"])}
    stored = bench.live("hubspot", "contacts")
    assert set(found) == set(stored)
    for key, row in found.items():
        assert (row.properties["lastname"] or "") == stored[key]["properties"].get("lastname", "")


def test_search_agrees_with_the_stores(client: HubSpot, bench: Bench) -> None:
    """A search with two groups finds what the stores hold, sorted as asked."""
    api = client.crm.contacts.search_api
    groups = [
        {"filters": [{"propertyName": "lifecyclestage", "operator": "EQ", "value": stage}]}
        for stage in ("customer", "opportunity")
    ]
    request = PublicObjectSearchRequest(
        filter_groups=groups,
        properties=["lifecyclestage"],
        sorts=[{"propertyName": "createdate", "direction": "DESCENDING"}],
        limit=200,
    )
    answer = api.do_search(public_object_search_request=request)
    stages = [
        row["properties"].get("lifecyclestage")
        for row in bench.live("hubspot", "contacts").values()
    ]
    assert answer.total == stages.count("customer") + stages.count("opportunity")
    dates = [row.properties["createdate"] for row in answer.results]
    assert dates == sorted(dates, reverse=True)


def test_batches_of_a_hundred(client: HubSpot, bench: Bench) -> None:
    """Upsert by address, read, update and archive in batches; results matched by id."""
    api = client.crm.contacts.batch_api
    emails = [f"batch{n}@clients.example" for n in range(100)]
    inputs = [
        {"id": email, "idProperty": "email", "properties": {"firstname": "Batch"}}
        for email in emails
    ]
    upserted = api.upsert(
        batch_input_simple_public_object_batch_input_upsert=(
            BatchInputSimplePublicObjectBatchInputUpsert(inputs=inputs)
        )
    )
    assert len(upserted.results) == 100
    ids = [row.id for row in upserted.results]
    read = api.read(
        batch_read_input_simple_public_object_id=BatchReadInputSimplePublicObjectId(
            inputs=[{"id": one} for one in ids], properties=["email"],
            properties_with_history=[],
        )
    )  # fmt: skip
    assert {row.properties["email"] for row in read.results} == set(emails)
    changes = [{"id": one, "properties": {"lastname": f"No {one}"}} for one in ids]
    api.update(
        batch_input_simple_public_object_batch_input=BatchInputSimplePublicObjectBatchInput(
            inputs=changes
        )
    )
    stored = bench.live("hubspot", "contacts")
    assert all(stored[one]["properties"]["lastname"] == f"No {one}" for one in ids)
    api.archive(
        batch_input_simple_public_object_id=BatchInputSimplePublicObjectId(
            inputs=[{"id": one} for one in ids]
        )
    )
    assert not set(ids) & set(bench.live("hubspot", "contacts"))


def test_errors_are_the_sdks_own(client: HubSpot) -> None:
    """404 and 409 raise the SDK's exceptions with HubSpot's categories in their body."""
    api = client.crm.contacts.basic_api
    with pytest.raises(NotFoundException):
        api.get_by_id("999999999")
    made(client, "twice@clients.example")
    with pytest.raises(ApiException) as refused:
        made(client, "twice@clients.example")
    assert refused.value.status == 409
    assert '"category":"CONFLICT"' in refused.value.body


def test_merges_chain_and_old_ids_resolve(client: HubSpot) -> None:
    """After two merges every earlier id reads as the survivor, which remembers them."""
    api = client.crm.contacts.basic_api
    first, second, third = (made(client, f"merge{n}@clients.example") for n in range(3))
    one = api.merge(
        public_merge_input=PublicMergeInput(primary_object_id=first, object_id_to_merge=second)
    )
    two = api.merge(
        public_merge_input=PublicMergeInput(primary_object_id=one.id, object_id_to_merge=third)
    )
    for old in (first, second, third, one.id):
        assert api.get_by_id(old).id == two.id
    kept = api.get_by_id(two.id, properties=["hs_merged_object_ids", "hs_additional_emails"])
    assert set(kept.properties["hs_additional_emails"].split(";")) == {
        "merge1@clients.example", "merge2@clients.example",
    }  # fmt: skip


def test_associations_deals_owners_and_pipelines(client: HubSpot) -> None:
    """A deal in a new stage is tied to a contact by v4 and read back; owners have two ids."""
    contact = made(client, "deal@clients.example")
    stage = client.crm.pipelines.pipeline_stages_api.create(
        "deals", "default",
        pipeline_stage_input=PipelineStageInput(
            label="Verbal yes", display_order=3, metadata={"probability": "0.7"}
        ),
    )  # fmt: skip
    deal = client.crm.deals.basic_api.create(
        simple_public_object_input_for_create=DealInput(
            properties={"dealname": "Client deal", "pipeline": "default", "dealstage": stage.id}
        )
    )
    spec = AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=3)
    client.crm.associations.v4.basic_api.create(
        "deals", deal.id, "contacts", contact, association_spec=[spec]
    )
    page = client.crm.associations.v4.basic_api.get_page("contacts", contact, "deals")
    assert [str(row.to_object_id) for row in page.results] == [deal.id]
    owner = client.crm.owners.owners_api.get_page(limit=1).results[0]
    assert owner.id != str(owner.user_id)


def test_lists_hold_who_was_put_in(client: HubSpot) -> None:
    """A manual list takes and gives back its members; a missing id is named."""
    key = made(client, "listed@clients.example")
    api = client.crm.lists.lists_api
    request = ListCreateRequest(name="SDK list", object_type_id="0-1", processing_type="MANUAL")
    found = api.create(list_create_request=request).list
    members = client.crm.lists.memberships_api
    moved = members.add(found.list_id, request_body=[key, "999999999"])
    assert (moved.records_ids_added, moved.record_ids_missing) == ([key], ["999999999"])
    assert [row.record_id for row in members.get_page(found.list_id).results] == [key]
    members.remove(found.list_id, request_body=[key])
    assert members.get_page(found.list_id).results == []


def test_erased_people_are_gone_for_good(client: HubSpot, bench: Bench) -> None:
    """gdpr-delete leaves neither a live nor an archived record behind."""
    key = made(client, "erased@clients.example")
    client.crm.contacts.basic_api.purge(
        public_gdpr_delete_input=PublicGdprDeleteInput(object_id=key)
    )
    assert key not in {row["id"] for row in bench.rows("hubspot", "contacts")}


def test_custom_events_are_sent_and_listed(client: HubSpot) -> None:
    """An event sent by address is listed for the contact who has it."""
    key = made(client, "event@clients.example")
    sent = BehavioralEventHttpCompletionRequest(
        event_name="pe1_tested", email="event@clients.example", properties={"grade": "A"}
    )
    client.events.send.basic_api.send(behavioral_event_http_completion_request=sent)
    listed = client.events.events_api.get_page(object_type="contact", object_id=int(key))
    assert [(row.event_type, row.properties) for row in listed.results] == [
        ("pe1_tested", {"grade": "A"})
    ]


def test_history_is_newest_first(client: HubSpot) -> None:
    """Properties with history tell every value, the newest first."""
    key = made(client, "history@clients.example", jobtitle="First")
    api = client.crm.contacts.basic_api
    for title in ("Second", "Third"):
        api.update(key, simple_public_object_input=SimplePublicObjectInput({"jobtitle": title}))
    row = api.get_by_id(key, properties_with_history=["jobtitle"])
    values = [each.value for each in row.properties_with_history["jobtitle"]]
    assert values == ["Third", "Second", "First"]


def test_a_refresh_token_opens_a_session(bench: Bench) -> None:
    """The SDK's OAuth call gives an access token that works; a wrong one is refused."""
    oauth, url = bench.info["oauth"]["hubspot"], bench.info["hubspot"]["url"]
    public = HubSpot(host=url, base_url=url)
    api = public.oauth.tokens_api
    answer = api.create(grant_type="refresh_token", **oauth)
    assert answer.expires_in == 1800
    session = HubSpot(access_token=answer.access_token, host=url, base_url=url)
    assert session.crm.owners.owners_api.get_page(limit=1).results
    wrong: dict[str, Any] = {**oauth, "refresh_token": "no"}
    with pytest.raises(Exception, match="BAD_REFRESH_TOKEN"):
        api.create(grant_type="refresh_token", **wrong)
