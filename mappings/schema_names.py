"""What an editor shows beside the names a mapping may use: attributes, events, outcomes."""

from __future__ import annotations

from collections.abc import Mapping

ATTRIBUTE_WORDS: Mapping[str, str] = {
    "given_name": "First name; nicknames and initials are understood.",
    "family_name": "Last name.",
    "emails": "Every address a person is known by. The strongest evidence there is.",
    "phones": "Every number a person is reached at; a switchboard's is recognised as such.",
    "company": "The employer's name; of a Contact, its Account's is taken.",
    "website": "The employer's web address, compared by its domain.",
    "title": "What they do; it tells people of one name apart.",
    "street": "Street and number.",
    "city": "Town.",
    "postcode": "Postal code.",
    "state": "State or province.",
    "country": "Country, as name or code.",
    "birth_date": "Day of birth. Two different ones are never one person.",
}
"""By attribute of `PersonAttributes`."""
EVENT_WORDS: Mapping[str, str] = {
    "form_fill": "Somebody submitted a HubSpot form.",
    "email_sent": "A marketing e-mail was sent.",
    "email_delivered": "A marketing e-mail arrived at the mail server.",
    "email_open": "A marketing e-mail was opened.",
    "email_click": "A link in a marketing e-mail was followed.",
    "email_bounce": "A marketing e-mail could not be delivered.",
    "email_unsubscribe": "Somebody unsubscribed. The opt-out itself goes by `consent`.",
    "email_spam_report": "Somebody reported a marketing e-mail as spam.",
    "email_other": "Whatever else HubSpot tells of a marketing e-mail.",
}
"""By kind of event."""
OUTCOME_WORDS: Mapping[str, str] = {
    "crm_id": "The id of their Lead or Contact.",
    "crm_object": "Whether that is a Lead or a Contact.",
    "lead_status": "The Lead's status, as sales keeps it.",
    "owner_name": "Who in sales owns them, by name.",
    "owner_email": "Who in sales owns them, by address.",
    "opportunity_stage": "The stage of the opportunity they have a role on.",
    "opportunity_amount": "The amount of that opportunity.",
    "opportunity_outcome": "Whether it is open, won or lost.",
    "close_date": "When it is to close, or has closed.",
    "total_revenue": "The amounts of all opportunities won, added up.",
    "won_count": "How many opportunities were won.",
    "customer_since": "The day the first one was won.",
}
"""By outcome."""
