"""The properties every HubSpot account has on contacts.

One line a property: `name | label | type | fieldType | flags | options`. Groups start with `@`.
Flags: R value is read-only, D definition is read-only, C calculated, H hidden, F usable in forms,
U values are unique, X options come from elsewhere (owners, teams). Options are `value=label` or
plain values, comma separated. Names, types and flags follow the recorded property list (FACTS
section 2, [R]) and, for what is newer than it, HubSpot's documented default properties [D].
"""

from __future__ import annotations

LIFECYCLE_STAGES = (
    ("subscriber", "Subscriber"),
    ("lead", "Lead"),
    ("marketingqualifiedlead", "Marketing Qualified Lead"),
    ("salesqualifiedlead", "Sales Qualified Lead"),
    ("opportunity", "Opportunity"),
    ("customer", "Customer"),
    ("evangelist", "Evangelist"),
    ("other", "Other"),
)
"""Stage values in their order, lowest first."""

_STAGES = ", ".join(f"{value}={label}" for value, label in LIFECYCLE_STAGES)
_BOOL = "true=True, false=False"

_ROLE = {"Other": "Other Lifecycle"}


def _article(label: str) -> str:
    return "an" if label[0] in "AEIOU" else "a"


CONTACT = f"""
@contactinformation
email | Email | string | text | DF
firstname | First Name | string | text | DF
lastname | Last Name | string | text | DF
salutation | Salutation | string | text | F
jobtitle | Job Title | string | text | DF
job_function | Job function | string | text | F
seniority | Seniority | string | text | F
company | Company Name | string | text | DF
website | Website URL | string | text | DF
phone | Phone Number | string | text | DF
mobilephone | Mobile Phone Number | string | text | DF
fax | Fax Number | string | text | DF
address | Street Address | string | text | DF
city | City | string | text | DF
state | State/Region | string | text | F
zip | Postal Code | string | text | DF
country | Country/Region | string | text | F
message | Message | string | textarea | DF
work_email | Work email | string | text | F
industry | Industry | string | text | F
annualrevenue | Annual Revenue | string | text | F
numemployees | Number of Employees | enumeration | select | F | \
1-5, 5-25, 25-50, 50-100, 100-500, 500-1000, 1000+
company_size | Company size | string | text | F
date_of_birth | Date of birth | string | text | F
degree | Degree | string | text | F
field_of_study | Field of study | string | text | F
gender | Gender | string | text | F
graduation_date | Graduation date | string | text | F
marital_status | Marital Status | string | text | F
military_status | Military status | string | text | F
relationship_status | Relationship Status | string | text | F
school | School | string | text | F
start_date | Start date | string | text | F
twitterhandle | Twitter Username | string | text | DF
hs_linkedin_url | LinkedIn URL | string | text | DF
hs_persona | Persona | enumeration | select | DF
hs_language | Preferred language | enumeration | select | DF | \
en=English, de=German, fr=French, es=Spanish, it=Italian, nl=Dutch, pt=Portuguese, ja=Japanese
hs_timezone | Time Zone | enumeration | select | DFX
lifecyclestage | Lifecycle Stage | enumeration | radio | DF | {_STAGES}
hs_lead_status | Lead Status | enumeration | radio | DF | NEW=New, OPEN=Open, \
IN_PROGRESS=In Progress, OPEN_DEAL=Open Deal, UNQUALIFIED=Unqualified, \
ATTEMPTED_TO_CONTACT=Attempted to Contact, CONNECTED=Connected, BAD_TIMING=Bad Timing
hs_buying_role | Buying Role | enumeration | checkbox | DF | BLOCKER=Blocker, \
BUDGET_HOLDER=Budget Holder, CHAMPION=Champion, DECISION_MAKER=Decision Maker, \
END_USER=End User, EXECUTIVE_SPONSOR=Executive Sponsor, INFLUENCER=Influencer, \
LEGAL_AND_COMPLIANCE=Legal & Compliance, OTHER=Other
hs_legal_basis | Legal basis for processing contact's data | enumeration | checkbox | D | \
Legitimate interest – prospect/lead, Legitimate interest – existing customer, \
Legitimate interest - other, Performance of a contract, Freely given consent from contact, \
Not applicable
hubspot_owner_id | Contact owner | enumeration | select | DX
hubspot_owner_assigneddate | Owner Assigned Date | datetime | date | R
hubspot_team_id | HubSpot Team | enumeration | select | RX
hs_all_owner_ids | All owner ids | enumeration | select | RHX
hs_all_team_ids | All team ids | enumeration | select | RHX
hs_all_accessible_team_ids | All accessible team ids | enumeration | select | RHX
hs_user_ids_of_all_owners | User IDs of all owners | enumeration | checkbox | RH
createdate | Create Date | datetime | date | R
lastmodifieddate | Last Modified Date | datetime | date | R
hs_createdate | Object create date/time | datetime | date | R
hs_lastmodifieddate | Object last modified date/time | datetime | date | RH
hs_object_id | Contact ID | number | number | RC
hs_object_source | Record creation source | string | text | R
hs_object_source_label | Record source | enumeration | select | R | \
CRM_UI, API, IMPORT, FORM, INTEGRATION, AUTOMATION_PLATFORM, CALCULATED, SALESFORCE, MERGE_OBJECTS
hs_unique_creation_key | Unique creation key | string | text | RHU
hs_created_by_user_id | Created by user ID | number | number | RH
hs_updated_by_user_id | Updated by user ID | number | number | RH
hs_additional_emails | Additional email addresses | enumeration | select | RCH
hs_all_contact_vids | All vids for a contact | enumeration | select | RCH
hs_calculated_merged_vids | Merged vids with timestamps of a contact | enumeration | select | RCH
hs_merged_object_ids | Merged object IDs | enumeration | checkbox | RH
hs_calculated_form_submissions | All form submissions for a contact | enumeration | select | RCH
hs_calculated_phone_number | Calculated Phone Number in International Format | string | text | RCH
hs_calculated_mobile_number | Calculated Mobile Number in International Format | string | text | RCH
hs_calculated_phone_number_country_code | Calculated Phone Number Country Code | string | text | RCH
hs_searchable_calculated_phone_number | Calculated Phone Number without country code \
| phone_number | phonenumber | RCH
hs_email_domain | Email Domain | string | text | RC
hs_is_contact | Is a contact | bool | calculation_read_time | RCH | {_BOOL}
hs_is_unworked | Contact unworked | bool | calculation_equation | R | {_BOOL}
hs_count_is_unworked | Count of unengaged contacts | number | calculation_equation | RH
hs_count_is_worked | Count of engaged contacts | number | calculation_equation | RH
hs_pipeline | Pipeline | enumeration | select | DHX
hs_marketable_status | Marketing contact status | enumeration | booleancheckbox | R | \
true=Marketing contact, false=Non-marketing contact
closedate | Close Date | datetime | date | D
days_to_close | Days To Close | number | number | RC
first_deal_created_date | First Deal Created Date | datetime | date | R
num_associated_deals | Associated Deals | number | number | R
recent_deal_amount | Recent Deal Amount | number | number | R
recent_deal_close_date | Recent Deal Close Date | datetime | date | R
total_revenue | Total Revenue | number | number | R
associatedcompanyid | Associated Company ID | number | number | DH
associatedcompanylastupdated | Associated Company Last Updated | number | number | RH
hubspotscore | HubSpot Score | number | calculation_score | R
notes_last_contacted | Last Contacted | datetime | date | R
notes_last_updated | Last Activity Date | datetime | date | R
notes_next_activity_date | Next Activity Date | datetime | date | R
num_contacted_notes | Number of times contacted | number | number | R
num_notes | Number of Sales Activities | number | number | R
engagements_last_meeting_booked | Date of last meeting booked in meetings tool | datetime | date | R
hs_last_sales_activity_timestamp | Last Engagement Date | datetime | date | R
hs_latest_meeting_activity | Latest meeting activity | datetime | date | RH
hs_latest_sequence_enrolled | Last sequence enrolled | number | number | RX
hs_latest_sequence_enrolled_date | Last sequence enrolled date | datetime | date | R
hs_latest_sequence_ended_date | Last sequence ended date | datetime | date | RC
hs_sequences_enrolled_count | Number of sequences enrolled | number | number | R
hs_sequences_is_enrolled | Currently in Sequence | bool | booleancheckbox | RC | {_BOOL}
hs_sales_email_last_clicked | Recent Sales Email Clicked Date | datetime | date | R
hs_sales_email_last_opened | Recent Sales Email Opened Date | datetime | date | R
hs_sales_email_last_replied | Recent Sales Email Replied Date | datetime | date | R
@conversioninformation
first_conversion_date | First Conversion Date | datetime | date | RC
first_conversion_event_name | First Conversion | string | text | RC
recent_conversion_date | Recent Conversion Date | datetime | date | RC
recent_conversion_event_name | Recent Conversion | string | text | RC
num_conversion_events | Number of Form Submissions | number | number | RC
num_unique_conversion_events | Number of Unique Forms Submitted | number | number | RC
hs_google_click_id | Google ad click id | string | text | D
hs_facebook_click_id | Facebook click id | string | text | D
ip_city | IP City | string | text | R
ip_country | IP Country | string | text | R
ip_country_code | IP Country Code | string | text | R
ip_state | IP State/Region | string | text | R
@analyticsinformation
hs_analytics_source | Original Source | enumeration | select | D | \
ORGANIC_SEARCH=Organic Search, PAID_SEARCH=Paid Search, EMAIL_MARKETING=Email Marketing, \
SOCIAL_MEDIA=Organic Social, REFERRALS=Referrals, OTHER_CAMPAIGNS=Other Campaigns, \
DIRECT_TRAFFIC=Direct Traffic, OFFLINE=Offline Sources, PAID_SOCIAL=Paid Social
hs_analytics_source_data_1 | Original Source Drill-Down 1 | string | text | R
hs_analytics_source_data_2 | Original Source Drill-Down 2 | string | text | R
hs_analytics_first_timestamp | Time First Seen | datetime | date | R
hs_analytics_last_timestamp | Time Last Seen | datetime | date | R
hs_analytics_first_visit_timestamp | Time of First Session | datetime | date | R
hs_analytics_last_visit_timestamp | Time of Last Session | datetime | date | R
hs_analytics_first_url | First Page Seen | string | text | R
hs_analytics_last_url | Last Page Seen | string | text | R
hs_analytics_first_referrer | First Referring Site | string | text | R
hs_analytics_last_referrer | Last Referring Site | string | text | R
hs_analytics_num_page_views | Number of Pageviews | number | number | R
hs_analytics_num_visits | Number of Sessions | number | number | R
hs_analytics_num_event_completions | Number of event completions | number | number | R
hs_analytics_average_page_views | Average Pageviews | number | number | R
hs_analytics_revenue | Event Revenue | number | number | R
@emailinformation
hs_email_optout | Unsubscribed from all email | bool | booleancheckbox | R | {_BOOL}
hs_email_bad_address | Invalid email address | bool | booleancheckbox | R | {_BOOL}
hs_email_quarantined | Email Address Quarantined | bool | booleancheckbox | R | {_BOOL}
hs_email_hard_bounce_reason | Email hard bounce reason | string | text | RH | \
CONTENT=Content, MAILBOX_FULL=Mailbox full, OTHER=Other, POLICY=Policy, SPAM=Spam, \
UNKNOWN_USER=Unknown user
hs_email_hard_bounce_reason_enum | Email hard bounce reason | enumeration | radio | R | \
CONTENT=Content, MAILBOX_FULL=Mailbox full, OTHER=Other, POLICY=Policy, SPAM=Spam, \
UNKNOWN_USER=Unknown user
hs_email_delivered | Marketing emails delivered | number | number | R
hs_email_open | Marketing emails opened | number | number | R
hs_email_click | Marketing emails clicked | number | number | R
hs_email_bounce | Marketing emails bounced | number | number | R
hs_email_replied | Marketing emails replied | number | number | R
hs_email_sends_since_last_engagement | Sends Since Last Engagement | number | number | R
hs_email_last_email_name | Last marketing email name | string | text | R
hs_email_last_send_date | Last marketing email send date | datetime | date | R
hs_email_last_open_date | Last marketing email open date | datetime | date | R
hs_email_last_click_date | Last marketing email click date | datetime | date | R
hs_email_last_reply_date | Last marketing email reply date | datetime | date | R
hs_email_first_send_date | First marketing email send date | datetime | date | R
hs_email_first_open_date | First marketing email open date | datetime | date | R
hs_email_first_click_date | First marketing email click date | datetime | date | R
hs_email_first_reply_date | First marketing email reply date | datetime | date | R
hs_email_is_ineligible | Is globally ineligible | bool | booleancheckbox | RH | {_BOOL}
@contactinformation
""" + "".join(
    f"hs_lifecyclestage_{value}_date | Became {_article(label)} {_ROLE.get(label, label)} Date "
    "| datetime | date | R\n"
    f"hs_date_entered_{value} | Date entered '{label} (Lifecycle Stage Pipeline)' "
    "| datetime | calculation_read_time | RH\n"
    f"hs_date_exited_{value} | Date exited '{label} (Lifecycle Stage Pipeline)' "
    "| datetime | calculation_read_time | RH\n"
    f"hs_time_in_{value} | Time in '{label} (Lifecycle Stage Pipeline)' "
    "| number | calculation_read_time | RH\n"
    for value, label in LIFECYCLE_STAGES
)
