"""What the v1 property list says beside a property's definition: how to display and what it
refers to. Values are those recorded [R]; a property made by a user has the user's id and plain
formats, one of HubSpot's own has neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.hubspot.properties import Property

EDITOR = 40_000_001
"""The user who made every custom property."""
_REFERENCES = {
    "associatedcompanyid": "COMPANY",
    "hs_latest_sequence_enrolled": "SEQUENCE",
    "hubspot_owner_id": "OWNER",
}
_NUMBERS = {
    "associatedcompanyid": "unformatted",
    "hs_first_engagement_object_id": "unformatted",
    "hs_first_subscription_create_date": "formatted",
    "hs_has_active_subscription": "formatted",
    "hs_latest_subscription_create_date": "formatted",
    "hs_merged_object_ids": "unformatted",
    "hs_object_id": "unformatted",
    "hs_time_to_first_engagement": "duration",
    "hs_user_ids_of_all_notification_followers": "unformatted",
    "hs_user_ids_of_all_notification_unfollowers": "unformatted",
    "hs_user_ids_of_all_owners": "unformatted",
    "recent_deal_amount": "currency",
    "total_revenue": "currency",
}
_TEXTS = {
    "email": "email",
    "fax": "phone_number",
    "mobilephone": "phone_number",
    "phone": "phone_number",
}
_OPTIONS = {
    "hs_analytics_source": False,
    "hs_buying_role": True,
    "hs_content_membership_status": False,
    "hs_email_bad_address": False,
    "hs_email_hard_bounce_reason": False,
    "hs_email_hard_bounce_reason_enum": False,
    "hs_latest_source": False,
    "hs_lead_status": True,
    "hs_legal_basis": True,
}
_NOT_ANALYSED = frozenset(
    "hs_analytics_first_touch_converting_campaign hs_analytics_last_touch_converting_campaign "
    "hs_analytics_source_data_1 hs_analytics_source_data_2 hs_avatar_filemanager_key "
    "hs_facebook_click_id hs_google_click_id hs_ip_timezone ip_city ip_country ip_country_code "
    "ip_latlon ip_state ip_state_code ip_zipcode hs_latest_source_data_1 "
    "hs_latest_source_data_2".split()
)
_MONEY = frozenset({"recent_deal_amount", "total_revenue"})


def hints(prop: Property) -> dict[str, Any]:
    """The keys of a v1 property that follow from its name and origin."""
    custom = not prop.hubspot_defined
    timed = prop.type == "number" and prop.field_type == "calculation_read_time"
    number = "formatted" if custom else "duration" if timed else _NUMBERS.get(prop.name)
    money: bool | None = True if prop.name in _MONEY else False if custom else None
    return {
        "createdUserId": EDITOR if custom else None,
        "updatedUserId": EDITOR if custom else None,
        "deleted": False if custom else None,
        "externalOptionsReferenceType": _REFERENCES.get(prop.name),
        "referencedObjectType": _REFERENCES.get(prop.name),
        "numberDisplayHint": number,
        "textDisplayHint": _TEXTS.get(prop.name),
        "optionsAreMutable": _OPTIONS.get(prop.name),
        "searchTextAnalysisMode": "NOT_ANALYZED_TEXT" if prop.name in _NOT_ANALYSED else None,
        "showCurrencySymbol": money,
    }
