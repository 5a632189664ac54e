"""The properties of tickets, notes, e-mails, products and line items.

Same notation as `standard_contact`; names and types follow HubSpot's documented default
properties [D].
"""

from __future__ import annotations

from sandbox.hubspot.standard_other import SYSTEM

TICKET = f"""
@ticketinformation
subject | Ticket name | string | text | DF
content | Ticket description | string | textarea | DF
hs_pipeline | Pipeline | enumeration | select | DX
hs_pipeline_stage | Ticket status | enumeration | select | DX
hs_ticket_priority | Priority | enumeration | select | DF | LOW=Low, MEDIUM=Medium, HIGH=High, \
URGENT=Urgent
hs_ticket_category | Category | enumeration | select | F | PRODUCT_ISSUE=Product Issue, \
BILLING_ISSUE=Billing Issue, FEATURE_REQUEST=Feature Request, GENERAL_INQUIRY=General Inquiry
hs_resolution | Resolution | enumeration | select | F | ISSUE_FIXED=Issue fixed, \
FEATURE_ADDED=Feature added, KNOWN_ISSUE=Known issue
source_type | Source | enumeration | select | DF | CHAT=Chat, EMAIL=Email, FORM=Form, PHONE=Phone
closed_date | Close date | datetime | date | R
time_to_close | Time to close | number | number | RC
createdate | Create date | datetime | date | D
{SYSTEM}"""

NOTE = f"""
@note
hs_note_body | Note body | string | html | DF
hs_attachment_ids | Attached file IDs | enumeration | checkbox | DX
hs_timestamp | Activity date | datetime | date | DF
{SYSTEM}"""

EMAIL = f"""
@email
hs_email_subject | Email subject | string | text | DF
hs_email_text | Email body | string | textarea | DF
hs_email_html | Email HTML body | string | html | DF
hs_email_direction | Email direction | enumeration | select | DF | EMAIL=Email, \
INCOMING_EMAIL=Incoming Email, FORWARDED_EMAIL=Forwarded Email
hs_email_status | Email send status | enumeration | select | DF | BOUNCED=Bounced, \
FAILED=Failed, SCHEDULED=Scheduled, SENDING=Sending, SENT=Sent
hs_email_headers | Email headers | string | text | D
hs_email_from_email | Email from address | string | text | R
hs_email_to_email | Email to address | string | text | R
hs_attachment_ids | Attached file IDs | enumeration | checkbox | DX
hs_timestamp | Activity date | datetime | date | DF
{SYSTEM}"""

PRODUCT = f"""
@productinformation
name | Name | string | text | DF
description | Product description | string | textarea | DF
price | Unit price | number | number | DF
hs_sku | SKU | string | text | DF
hs_cost_of_goods_sold | Unit cost | number | number | DF
hs_recurring_billing_period | Term | string | text | DF
createdate | Create date | datetime | date | R
{SYSTEM}"""

LINE_ITEM = f"""
@lineiteminformation
name | Name | string | text | DF
description | Description | string | textarea | DF
price | Unit price | number | number | DF
quantity | Quantity | number | number | DF
amount | Net price | number | calculation_equation | RC
hs_product_id | Product ID | number | number | D
hs_sku | SKU | string | text | DF
discount | Unit discount | number | number | DF
createdate | Create date | datetime | date | R
{SYSTEM}"""
