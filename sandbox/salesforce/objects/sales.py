"""Account, Opportunity and what hangs on them; Campaign and its members.

Account and Campaign are as recorded; the others follow the vendor's object reference.
"""

# ruff: noqa: E501 - one field a line, however many picklist values it has

from __future__ import annotations

from typing import Any

from sandbox.salesforce.fields import ObjectType, parse_fields
from sandbox.salesforce.objects.common import (
    AUDIT,
    LAST_ACTIVITY,
    PICKLISTS,
    VIEWED,
    address,
    head,
)

_ACCOUNT = (
    head("Account", master="Account")
    + """
Name     | Account Name      | string 255  | CU  | in=Name extra=switchablepersonname namefield noperm
Type     | Account Type      | picklist 40 | CUN | pick=@account_type
ParentId | Parent Account ID | reference   | CUN | ref=Account rel=Parent
"""
    + address("Billing", "Billing")
    + address("Shipping", "Shipping")
    + """
Phone             | Account Phone  | phone 40       | CUN |
Fax               | Account Fax    | phone 40       | CUN |
AccountNumber     | Account Number | string 40      | CUN |
Website           | Website        | url 255        | CUN |
PhotoUrl          | Photo URL      | url 255        | N   | extra=imageurl noperm
Sic               | SIC Code       | string 20      | CUN |
Industry          | Industry       | picklist 40    | CUN | pick=@industry
AnnualRevenue     | Annual Revenue | currency 18.0  | CUN |
NumberOfEmployees | Employees      | int 8          | CUN |
Ownership         | Ownership      | picklist 40    | CUN | pick=Public;Private;Subsidiary;Other
TickerSymbol      | Ticker Symbol  | string 20      | CUN |
Description       | Account Description | textarea 32000 | CUN | extra=plaintextarea
Rating            | Account Rating | picklist 40    | CUN | pick=@rating
Site              | Account Site   | string 80      | CUN |
OwnerId           | Owner ID       | reference      | CUD | ref=User rel=Owner noperm
"""
    + AUDIT
    + LAST_ACTIVITY
    + VIEWED
    + """
Jigsaw           | Data.com Key      | string 20    | CUN |
JigsawCompanyId  | Jigsaw Company ID | string 20    | N   | rel=JigsawCompany noperm
CleanStatus      | Clean Status      | picklist 40  | CUN | restricted default=Pending pick=@clean
AccountSource    | Account Source    | picklist 40  | CUN | pick=@source
DunsNumber       | D-U-N-S Number    | string 9     | CUN |
Tradestyle       | Tradestyle        | string 255   | CUN |
NaicsCode        | NAICS Code        | string 8     | CUN |
NaicsDesc        | NAICS Description | string 120   | CUN |
YearStarted      | Year Started      | string 4     | CUN |
SicDesc          | SIC Description   | string 80    | CUN |
DandbCompanyId   | D&B Company ID    | reference    | CUN | ref=DandBCompany rel=DandbCompany
OperatingHoursId | Operating Hour ID | reference    | CUN | ref=OperatingHours rel=OperatingHours
CustomerPriority__c  | Customer Priority   | picklist 255 | CUN | pick=High;Low;Medium
SLA__c               | SLA                 | picklist 255 | CUN | pick=Gold;Silver;Platinum;Bronze
Active__c            | Active              | picklist 255 | CUN | pick=No;Yes
NumberofLocations__c | Number of Locations | double 3.0   | CUN |
UpsellOpportunity__c | Upsell Opportunity  | picklist 255 | CUN | pick=Maybe;No;Yes
SLASerialNumber__c   | SLA Serial Number   | string 10    | CUN |
SLAExpirationDate__c | SLA Expiration Date | date         | CUN |
"""
)

_OPPORTUNITY = (
    head("Opportunity")
    + """
AccountId   | Account ID  | reference      | CUN | ref=Account rel=Account
IsPrivate   | Private     | boolean        | CUD |
Name        | Name        | string 120     | CU  | namefield noperm
Description | Description | textarea 32000 | CUN | extra=plaintextarea
StageName   | Stage       | picklist 255   | CU  | noperm pick=@stages
Amount      | Amount      | currency 18.2  | CUN |
Probability | Probability (%) | percent 3.0 | CUN |
ExpectedRevenue | Expected Amount | currency 18.2 | N |
TotalOpportunityQuantity | Quantity | double 18.2 | CUN |
CloseDate   | Close Date  | date           | CU  | noperm
Type        | Opportunity Type | picklist 255 | CUN | pick=Existing Customer - Upgrade;Existing Customer - Replacement;Existing Customer - Downgrade;New Customer
NextStep    | Next Step   | string 255     | CUN |
LeadSource  | Lead Source | picklist 255   | CUN | pick=@source
IsClosed    | Closed      | boolean        | D   | noperm
IsWon       | Won         | boolean        | D   | noperm
ForecastCategory     | Forecast Category | picklist 40  | D   | noperm restricted pick=Omitted;Pipeline;BestCase;MostLikely;Forecast;Closed
ForecastCategoryName | Forecast Category | picklist 255 | CUN | pick=Omitted;Pipeline;Best Case;Most Likely;Commit;Closed
CampaignId  | Campaign ID | reference      | CUN | ref=Campaign rel=Campaign
HasOpportunityLineItem | Has Line Item | boolean | D | noperm
Pricebook2Id | Price Book ID | reference   | CUN | ref=Pricebook2 rel=Pricebook2
OwnerId     | Owner ID    | reference      | CUD | ref=User rel=Owner noperm
"""
    + AUDIT
    + LAST_ACTIVITY
    + """
LastStageChangeDate | Last Stage Change Date | datetime | N | noperm
FiscalQuarter | Fiscal Quarter | int 9     | N | noperm
FiscalYear    | Fiscal Year    | int 9     | N | noperm
Fiscal        | Fiscal Period  | string 6  | N | noperm
ContactId     | Contact ID     | reference | CN | ref=Contact rel=Contact noperm
"""
    + VIEWED
    + """
HasOpenActivity | Has Open Activity | boolean | D | noperm
HasOverdueTask  | Has Overdue Task  | boolean | D | noperm
DeliveryInstallationStatus__c | Delivery/Installation Status | picklist 255 | CUN | pick=In progress;Yet to begin;Completed
TrackingNumber__c       | Tracking Number       | string 12  | CUN |
OrderNumber__c          | Order Number          | string 8   | CUN |
CurrentGenerators__c    | Current Generator(s)  | string 100 | CUN |
MainCompetitors__c      | Main Competitor(s)    | string 100 | CUN |
"""
)

_CONTACT_ROLE = (
    head("Contact Role")
    + """
OpportunityId | Opportunity ID | reference   | C   | ref=Opportunity rel=Opportunity
ContactId     | Contact ID     | reference   | CU  | ref=Contact rel=Contact
Role          | Role           | picklist 40 | CUN | pick=Business User;Decision Maker;Economic Buyer;Economic Decision Maker;Evaluator;Executive Sponsor;Influencer;Technical Buyer;Other
IsPrimary     | Primary        | boolean     | CUD |
"""
    + AUDIT
)

_STAGE = (
    """
Id                   | Opportunity Stage ID   | id           | D | idlookup noperm
MasterLabel          | Master Label           | string 255   | N | namefield noperm
ApiName              | API Name               | string 255   | N | noperm
IsActive             | Is Active              | boolean      | D | noperm
SortOrder            | Sort Order             | int 9        | N | noperm
IsClosed             | Closed                 | boolean      | D | noperm
IsWon                | Won                    | boolean      | D | noperm
ForecastCategory     | Forecast Category      | picklist 40  | N | noperm
ForecastCategoryName | Forecast Category Name | picklist 255 | N | noperm
DefaultProbability   | Probability (%)        | percent 3.0  | N | noperm
Description          | Description            | string 255   | N | noperm
"""
    + AUDIT
)

_CAMPAIGN = (
    head("Campaign")
    + """
Name     | Name               | string 80   | CU  | idlookup namefield noperm
ParentId | Parent Campaign ID | reference   | CUN | ref=Campaign rel=Parent
Type     | Type               | picklist 40 | CUND | default=Conference pick=Conference;Webinar;Trade Show;Public Relations;Partners;Referral Program;Advertisement;Banner Ads;Direct Mail;Email;Telemarketing;Other
Status   | Status             | picklist 40 | CUND | default=Planned pick=Planned;In Progress;Completed;Aborted
StartDate        | Start Date                   | date          | CUN |
EndDate          | End Date                     | date          | CUN |
ExpectedRevenue  | Expected Revenue in Campaign | currency 18.0 | CUN |
BudgetedCost     | Budgeted Cost in Campaign    | currency 18.0 | CUN |
ActualCost       | Actual Cost in Campaign      | currency 18.0 | CUN |
ExpectedResponse | Expected Response (%)        | percent 10.2  | CUN |
NumberSent       | Num Sent in Campaign         | double 18.0   | CUN |
IsActive         | Active                       | boolean       | CUD |
Description      | Description                  | textarea 32000 | CUN | extra=plaintextarea
NumberOfLeads            | Leads in Campaign             | int 9 | | default=0
NumberOfConvertedLeads   | Converted Leads in Campaign   | int 9 | | default=0
NumberOfContacts         | Contacts in Campaign          | int 9 | | default=0
NumberOfResponses        | Responses in Campaign         | int 9 | | default=0
NumberOfOpportunities    | Opportunities in Campaign     | int 9 | | default=0
NumberOfWonOpportunities | Won Opportunities in Campaign | int 9 | | default=0
AmountAllOpportunities | Value Opportunities in Campaign     | currency 18.0 | | default=0
AmountWonOpportunities | Value Won Opportunities in Campaign | currency 18.0 | | default=0
OwnerId | Owner ID | reference | CUD | ref=User rel=Owner noperm
"""
    + AUDIT
    + LAST_ACTIVITY
    + VIEWED
    + """
CampaignMemberRecordTypeId | Record Type ID | reference | CUN | ref=RecordType rel=CampaignMemberRecordType noperm
"""
)

_MEMBER = (
    head("Campaign Member")
    + """
CampaignId | Campaign ID | reference   | C   | ref=Campaign rel=Campaign
LeadId     | Lead ID     | reference   | CN  | ref=Lead rel=Lead
ContactId  | Contact ID  | reference   | CN  | ref=Contact rel=Contact
Status     | Status      | picklist 40 | CUN | pick=Sent;Responded
HasResponded | Responded | boolean     | D   | noperm
"""
    + AUDIT
    + """
FirstRespondedDate | First Responded Date | date       | N | noperm
Salutation         | Salutation           | picklist 40 | N | pick=@salutation
Name               | Name                 | string 121 | N | namefield noperm
FirstName          | First Name           | string 40  | N | noperm
LastName           | Last Name            | string 80  | N | noperm
Title              | Title                | string 128 | N | noperm
Email              | Email                | email 80   | N | noperm
CompanyOrAccount   | Company (Account)    | string 255 | N | noperm
Type               | Type                 | picklist 40 | N | noperm pick=Lead;Contact
LeadOrContactId    | Related Record ID    | reference  | N | ref=Account,Contact,Lead rel=LeadOrContact noperm
LeadOrContactOwnerId | Related Record Owner ID | reference | N | ref=Group,User rel=LeadOrContactOwner noperm
"""
)

_MEMBER_STATUS = (
    head("Campaign Member Status")
    + """
CampaignId   | Campaign ID | reference  | C  | ref=Campaign rel=Campaign
Label        | Label       | string 765 | CU | namefield
SortOrder    | Sort Order  | int 9      | CUN |
IsDefault    | Is Default  | boolean    | CUD |
HasResponded | Responded   | boolean    | CUD |
"""
    + AUDIT
)


def objects() -> tuple[ObjectType, ...]:
    """The sales objects and the campaign objects."""

    def kind(name: str, label: str, prefix: str, table: str, **flags: Any) -> ObjectType:
        plural = label[:-1] + "ies" if label.endswith("y") else label + "s"
        return ObjectType(name, label, plural, prefix, parse_fields(table, PICKLISTS), **flags)

    return (
        kind("Account", "Account", "001", _ACCOUNT, mergeable=True),
        kind("Opportunity", "Opportunity", "006", _OPPORTUNITY),
        kind("OpportunityContactRole", "Opportunity Contact Role", "00K", _CONTACT_ROLE),
        kind(
            "OpportunityStage",
            "Opportunity Stage",
            "01J",
            _STAGE,
            createable=False,
            updateable=False,
            deletable=False,
            undeletable=False,
        ),
        kind("Campaign", "Campaign", "701", _CAMPAIGN),
        kind("CampaignMember", "Campaign Member", "00v", _MEMBER),
        kind("CampaignMemberStatus", "Campaign Member Status", "01Y", _MEMBER_STATUS),
    )
