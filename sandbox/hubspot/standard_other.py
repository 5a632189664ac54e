"""The properties every HubSpot account has on companies, deals, engagements and custom objects.

Same notation as `standard_contact`. Names and types follow HubSpot's documented default
properties [D]; the recorded company and custom-object traffic [R] confirms the ones it touches.
"""

from __future__ import annotations

from sandbox.hubspot.standard_contact import LIFECYCLE_STAGES

_STAGES = ", ".join(f"{value}={label}" for value, label in LIFECYCLE_STAGES)
_BOOL = "true=True, false=False"

SYSTEM = """
hs_createdate | Object create date/time | datetime | date | R
hs_lastmodifieddate | Object last modified date/time | datetime | date | RH
hs_object_id | Object ID | number | number | R
hs_merged_object_ids | Merged object IDs | enumeration | checkbox | RH
hs_created_by_user_id | Created by user ID | number | number | RH
hs_updated_by_user_id | Updated by user ID | number | number | RH
hs_user_ids_of_all_owners | User IDs of all owners | enumeration | checkbox | RH
hs_all_accessible_team_ids | All accessible team IDs | enumeration | checkbox | RH
hs_all_assigned_business_unit_ids | Business units | enumeration | checkbox | DH
hs_user_ids_of_all_notification_followers | User IDs of all notification followers \
| enumeration | checkbox | RH
hs_user_ids_of_all_notification_unfollowers | User IDs of all notification unfollowers \
| enumeration | checkbox | RH
hs_unique_creation_key | Unique creation key | string | text | RHU
hubspot_owner_id | Owner | enumeration | select | DX
hubspot_owner_assigneddate | Owner Assigned Date | datetime | date | R
"""

COMPANY = f"""
@companyinformation
name | Company name | string | text | DF
domain | Company Domain Name | string | text | DF
website | Website URL | string | text | DF
description | Description | string | textarea | DF
about_us | About Us | string | textarea | DF
phone | Phone Number | string | text | DF
address | Street Address | string | text | DF
address2 | Street Address 2 | string | text | DF
city | City | string | text | DF
state | State/Region | string | text | DF
zip | Postal Code | string | text | DF
country | Country/Region | string | text | DF
timezone | Time Zone | string | text | DF
industry | Industry | enumeration | select | DF | ACCOUNTING=Accounting, \
AUTOMOTIVE=Automotive, BANKING=Banking, BIOTECHNOLOGY=Biotechnology, \
COMPUTER_SOFTWARE=Computer Software, CONSTRUCTION=Construction, \
CONSUMER_GOODS=Consumer Goods, EDUCATION_MANAGEMENT=Education Management, \
FINANCIAL_SERVICES=Financial Services, FOOD_BEVERAGES=Food & Beverages, \
HOSPITAL_HEALTH_CARE=Hospital & Health Care, HOSPITALITY=Hospitality, \
INFORMATION_TECHNOLOGY_AND_SERVICES=Information Technology and Services, INSURANCE=Insurance, \
INTERNET=Internet, LEGAL_SERVICES=Legal Services, \
LOGISTICS_AND_SUPPLY_CHAIN=Logistics and Supply Chain, MACHINERY=Machinery, \
MANAGEMENT_CONSULTING=Management Consulting, MARKETING_AND_ADVERTISING=Marketing and Advertising, \
MECHANICAL_OR_INDUSTRIAL_ENGINEERING=Mechanical or Industrial Engineering, OIL_ENERGY=Oil & Energy,\
 PHARMACEUTICALS=Pharmaceuticals, REAL_ESTATE=Real Estate, RETAIL=Retail, \
TELECOMMUNICATIONS=Telecommunications, TRANSPORTATION_TRUCKING_RAILROAD=Transportation, \
UTILITIES=Utilities
type | Type | enumeration | select | DF | PROSPECT=Prospect, PARTNER=Partner, \
RESELLER=Reseller, VENDOR=Vendor, OTHER=Other
numberofemployees | Number of Employees | number | number | DF
annualrevenue | Annual Revenue | number | number | DF
founded_year | Year Founded | string | text | DF
is_public | Is Public | bool | booleancheckbox | DF | {_BOOL}
linkedin_company_page | LinkedIn Company Page | string | text | DF
facebook_company_page | Facebook Company Page | string | text | DF
facebookfans | Facebook Fans | number | number | DF
twitterhandle | Twitter Handle | string | text | DF
twitterfollowers | Twitter Followers | number | number | DF
lifecyclestage | Lifecycle Stage | enumeration | radio | DF | {_STAGES}
hs_lead_status | Lead Status | enumeration | radio | DF | NEW=New, OPEN=Open, \
IN_PROGRESS=In Progress, OPEN_DEAL=Open Deal, UNQUALIFIED=Unqualified, \
ATTEMPTED_TO_CONTACT=Attempted to Contact, CONNECTED=Connected, BAD_TIMING=Bad Timing
hs_additional_domains | Additional Domains | enumeration | checkbox | RH
hs_num_open_deals | Number of open deals | number | number | R
num_associated_contacts | Number of Associated Contacts | number | number | R
num_associated_deals | Number of Associated Deals | number | number | R
hs_parent_company_id | Parent Company | number | number | RH
hs_is_target_account | Target Account | bool | booleancheckbox | DF | {_BOOL}
total_revenue | Total Revenue | number | number | R
total_money_raised | Total Money Raised | string | text | DF
recent_deal_amount | Recent Deal Amount | number | number | R
recent_deal_close_date | Recent Deal Close Date | datetime | date | R
first_deal_created_date | First Deal Created Date | datetime | date | R
closedate | Close Date | datetime | date | D
notes_last_contacted | Last Contacted | datetime | date | R
notes_last_updated | Last Activity Date | datetime | date | R
num_notes | Number of Sales Activities | number | number | R
hs_pipeline | Pipeline | enumeration | select | DHX
createdate | Create Date | datetime | date | R
{SYSTEM}"""

DEAL = f"""
@dealinformation
dealname | Deal Name | string | text | DF
amount | Amount | number | number | DF
amount_in_home_currency | Amount in company currency | number | calculation_equation | R
deal_currency_code | Currency | enumeration | select | DF | \
USD, EUR, GBP, CHF, JPY, CAD, AUD, SEK, NOK, DKK
pipeline | Pipeline | enumeration | select | DX
dealstage | Deal Stage | enumeration | radio | DX
dealtype | Deal Type | enumeration | radio | DF | \
newbusiness=New Business, existingbusiness=Existing Business
closedate | Close Date | datetime | date | DF
description | Deal Description | string | textarea | DF
closed_won_reason | Closed Won Reason | string | textarea | F
closed_lost_reason | Closed Lost Reason | string | textarea | F
hs_priority | Priority | enumeration | select | DF | low=Low, medium=Medium, high=High
hs_forecast_amount | Forecast Amount | number | number | R
hs_forecast_probability | Forecast Probability | number | number | D
hs_deal_stage_probability | Deal probability | number | number | R
hs_projected_amount | Weighted amount | number | calculation_equation | RC
hs_is_closed | Is Deal Closed? | bool | calculation_equation | RC | {_BOOL}
hs_is_closed_won | Is Closed Won | bool | calculation_equation | RC | {_BOOL}
hs_is_closed_lost | Is Closed Lost | bool | calculation_equation | RCH | {_BOOL}
hs_closed_amount | Closed Deal Amount | number | calculation_equation | RC
hs_tcv | Total contract value | number | number | R
hs_arr | Annual recurring revenue | number | number | R
hs_mrr | Monthly recurring revenue | number | number | R
hs_next_step | Next step | string | text | DF
days_to_close | Days to Close | number | number | RC
num_associated_contacts | Number of Associated Contacts | number | number | R
hs_analytics_source | Original Source Type | enumeration | select | R | ORGANIC_SEARCH, \
PAID_SEARCH, EMAIL_MARKETING, SOCIAL_MEDIA, REFERRALS, OTHER_CAMPAIGNS, DIRECT_TRAFFIC, OFFLINE, \
PAID_SOCIAL
notes_last_contacted | Last Contacted | datetime | date | R
notes_last_updated | Last Activity Date | datetime | date | R
createdate | Create Date | datetime | date | D
{SYSTEM}"""

TASK = f"""
@task
hs_task_subject | Task Title | string | text | DF
hs_task_body | Task Notes | string | html | DF
hs_task_status | Task Status | enumeration | select | DF | NOT_STARTED=Not started, \
IN_PROGRESS=In progress, WAITING=Waiting, COMPLETED=Completed, DEFERRED=Deferred
hs_task_priority | Priority | enumeration | select | DF | NONE=None, LOW=Low, MEDIUM=Medium, \
HIGH=High
hs_task_type | Task Type | enumeration | select | DF | TODO=To-do, EMAIL=Email, CALL=Call, \
LINKED_IN=LinkedIn, MEETING=Meeting
hs_task_reminders | Reminders | string | text | D
hs_task_completion_date | Completed at | datetime | date | R
hs_task_is_completed | Is completed | number | calculation_equation | RC
hs_timestamp | Due date | datetime | date | DF
hs_activity_type | Activity type | enumeration | select | DX
hs_queue_membership_ids | Queue | enumeration | checkbox | DX
{SYSTEM}"""

CALL = f"""
@call
hs_call_title | Call Title | string | text | DF
hs_call_body | Call notes | string | html | DF
hs_call_direction | Call direction | enumeration | select | DF | INBOUND=Inbound, OUTBOUND=Outbound
hs_call_disposition | Call outcome | enumeration | select | DX
hs_call_duration | Call duration | number | number | DF
hs_call_from_number | From number | string | text | DF
hs_call_to_number | To Number | string | text | DF
hs_call_recording_url | Recording URL | string | text | DF
hs_call_status | Call status | enumeration | select | DF | BUSY=Busy, \
CALLING_CRM_USER=Calling CRM user, CANCELED=Canceled, COMPLETED=Completed, \
CONNECTING=Connecting, FAILED=Failed, IN_PROGRESS=In progress, MISSED=Missed, \
NO_ANSWER=No answer, QUEUED=Queued, RINGING=Ringing
hs_timestamp | Activity date | datetime | date | DF
hs_activity_type | Call and meeting type | enumeration | select | DX
hs_object_source | Record creation source | string | text | R
{SYSTEM}"""

MEETING = f"""
@meeting
hs_meeting_title | Meeting name | string | text | DF
hs_meeting_body | Meeting description | string | html | DF
hs_internal_meeting_notes | Internal meeting notes | string | html | DF
hs_meeting_external_url | External URL | string | text | DF
hs_meeting_location | Meeting location | string | text | DF
hs_meeting_start_time | Meeting start time | datetime | date | DF
hs_meeting_end_time | Meeting end time | datetime | date | DF
hs_meeting_outcome | Meeting outcome | enumeration | select | DF | SCHEDULED=Scheduled, \
COMPLETED=Completed, RESCHEDULED=Rescheduled, NO_SHOW=No show, CANCELED=Canceled
hs_timestamp | Activity date | datetime | date | DF
hs_activity_type | Call and meeting type | enumeration | select | DX
hs_object_source | Record creation source | string | text | R
{SYSTEM}"""
