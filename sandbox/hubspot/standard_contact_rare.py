"""The contact properties hardly anybody maps, so that the list of them is whole [R].

Same notation as `standard_contact`.
"""

from __future__ import annotations

_BOOL = "true=True, false=False"
_REMEDIES = (
    "SUSPENSION_REMEDIATION=Suspension Remediation, BLOCKLIST_REMEDIATION=Blocklist Remediation, "
    "TRUST_SAFETY_REMEDIATION=Trust & Safety Remediation"
)

CONTACT_RARE = f"""
@analyticsinformation
hs_analytics_first_touch_converting_campaign | First Touch Converting Campaign | string | text | R
hs_analytics_last_touch_converting_campaign | Last Touch Converting Campaign | string | text | R
hs_latest_source | Latest Source | enumeration | select | D | ORGANIC_SEARCH=Organic Search, \
PAID_SEARCH=Paid Search, EMAIL_MARKETING=Email Marketing, SOCIAL_MEDIA=Organic Social, \
REFERRALS=Referrals, OTHER_CAMPAIGNS=Other Campaigns, DIRECT_TRAFFIC=Direct Traffic, \
OFFLINE=Offline Sources, PAID_SOCIAL=Paid Social
hs_latest_source_data_1 | Latest Source Drill-Down 1 | string | text | R
hs_latest_source_data_2 | Latest Source Drill-Down 2 | string | text | R
@contactinformation
hs_avatar_filemanager_key | Avatar FileManager key | string | text | RH
hs_calculated_phone_number_area_code | Calculated Phone Number Area Code | string | text | RCH
hs_calculated_phone_number_region_code | Calculated Phone Number Region | string | text | RCH
hs_content_membership_email_confirmed | Email Confirmed | bool | booleancheckbox | R | {_BOOL}
hs_content_membership_notes | Membership Notes | string | textarea | D
hs_content_membership_registered_at | Registered At | datetime | date | R
hs_content_membership_registration_domain_sent_to | Domain to which registration email was sent \
| string | text | R
hs_content_membership_registration_email_sent_at | Time registration email was sent \
| datetime | date | R
hs_content_membership_status | Status | enumeration | select | D | active=Active, inactive=Inactive
hs_conversations_visitor_email | Conversations visitor email | string | text | RH
hs_created_by_conversations | Created By Conversations | bool | booleancheckbox | RH | {_BOOL}
hs_document_last_revisited | Recent Document Revisit Date | datetime | date | RH
hs_first_engagement_object_id | ID of first engagement | number | number | RCH
hs_last_sales_activity_date | last sales activity date old | datetime | date | RH
hs_latest_sequence_finished_date | Last sequence finished date | datetime | date | RH
hs_latest_sequence_unenrolled_date | Last sequence unenrolled date | datetime | date | RH
hs_sa_first_engagement_date | Date of first engagement | datetime | date | RH
hs_sa_first_engagement_descr | Description of first engagement | enumeration | select | RCH
hs_sa_first_engagement_object_type | Type of first engagement | enumeration | select | RCH | \
CALL=Call, CONVERSATION_SESSION=Conversation session, EMAIL=Email, MEETING_EVENT=Meeting, TASK=Task
hs_searchable_calculated_international_mobile_number | Calculated Mobile Number with country code \
| phone_number | phonenumber | RCH
hs_searchable_calculated_international_phone_number | Calculated Phone Number with country code \
| phone_number | phonenumber | RCH
hs_searchable_calculated_mobile_number | Calculated Mobile Number without country code \
| phone_number | phonenumber | RCH
hs_testpurge | testpurge | string | text | RH
hs_testrollback | testrollback | string | text | RH
hs_time_to_first_engagement | Lead response time | number | number | RCH
hs_user_ids_of_all_notification_followers | User IDs of all notification followers \
| enumeration | checkbox | RH
hs_user_ids_of_all_notification_unfollowers | User IDs of all notification unfollowers \
| enumeration | checkbox | RH
hs_first_subscription_create_date | First subscription create date \
| datetime | calculation_rollup | RH
hs_has_active_subscription | Contact has an active subscription | number | calculation_rollup | RH
hs_latest_subscription_create_date | Latest subscription create date \
| datetime | calculation_rollup | RH
hs_sequences_actively_enrolled_count | Number of sequences actively enrolled | number | number | RH
engagements_last_meeting_booked_campaign | Campaign of last booking in meetings tool \
| string | text | R
engagements_last_meeting_booked_medium | Medium of last booking in meetings tool \
| string | text | R
engagements_last_meeting_booked_source | Source of last booking in meetings tool \
| string | text | R
surveymonkeyeventlastupdated | SurveyMonkey Event Last Updated | number | number | RH
webinareventlastupdated | Webinar Event Last Updated | number | number | RH
@emailinformation
hs_email_customer_quarantined_reason | Email address quarantine reason \
| enumeration | select | D | {_REMEDIES}
hs_email_quarantined_reason | Email address automated quarantine reason \
| enumeration | select | R | ON_LIST_IMPORT=Suspicious List Import, \
HIGH_HARD_BOUNCE_RATE=High Hard Bounce Rate, \
MULTIPLE_CANCELLED_CAMPAIGNS=Multiple Cancelled Campaigns, FORM_ABUSE=Suspicious Form Activity, \
RECIPIENT_COMPLAINT=Recipient Complaint, {_REMEDIES}, OTHER=Other
hs_emailconfirmationstatus | Marketing email confirmation status | enumeration | select | R | \
Confirmed, Confirmation Pending, Confirmation Email Sent, User clicked confirmation
@conversioninformation
hs_facebook_ad_clicked | Clicked Facebook ad | bool | booleancheckbox | H | {_BOOL}
hs_ip_timezone | IP Timezone | string | text | R
ip_latlon | IP Latitude & Longitude | string | text | RH
ip_state_code | IP State Code/Region Code | string | text | R
ip_zipcode | IP Zipcode | string | text | RH
"""
