"""Lead and Contact, field for field as recorded, with the privacy flags an org shows by default."""

# ruff: noqa: E501 - one field a line, however many picklist values it has

from __future__ import annotations

from sandbox.salesforce.fields import ObjectType, parse_fields
from sandbox.salesforce.objects.common import (
    AUDIT,
    LAST_ACTIVITY,
    PICKLISTS,
    VIEWED,
    address,
    head,
)

_NAME = """
LastName   | Last Name  | string 80   | CU  | in=Name extra=personname noperm
FirstName  | First Name | string 40   | CUN | in=Name extra=personname noperm
Salutation | Salutation | picklist 40 | CUN | in=Name extra=personname noperm pick=@salutation
Name       | Full Name  | string 121  |     | extra=personname namefield noperm
"""

_LEAD = (
    head("Lead", master="Lead")
    + _NAME
    + """
Title   | Title   | string 128 | CUN |
Company | Company | string 255 | CU  | noperm
"""
    + address("", "")
    + """
Phone       | Phone        | phone 40       | CUN |
MobilePhone | Mobile Phone | phone 40       | CUN |
Fax         | Fax          | phone 40       | CUN |
Email       | Email        | email 80       | CUN | idlookup
Website     | Website      | url 255        | CUN |
PhotoUrl    | Photo URL    | url 255        | N   | extra=imageurl noperm
Description | Description  | textarea 32000 | CUN | extra=plaintextarea
LeadSource  | Lead Source  | picklist 40    | CUN | pick=@source
Status | Status | picklist 40 | CUD | noperm default=Open~-~Not~Contacted pick=Open - Not Contacted;Working - Contacted;Closed - Converted;Closed - Not Converted
Industry          | Industry       | picklist 40 | CUN | pick=@industry
Rating            | Rating         | picklist 40 | CUN | pick=@rating
AnnualRevenue     | Annual Revenue | currency 18.0 | CUN |
NumberOfEmployees | Employees      | int 8       | CUN |
OwnerId           | Owner ID       | reference   | CUD | ref=Group,User rel=Owner noperm
HasOptedOutOfEmail | Email Opt Out | boolean     | CUD |
IsConverted       | Converted      | boolean     | CD  | noperm
ConvertedDate     | Converted Date | date        | N   | noperm
ConvertedAccountId | Converted Account ID | reference | N | ref=Account rel=ConvertedAccount noperm
ConvertedContactId | Converted Contact ID | reference | N | ref=Contact rel=ConvertedContact noperm
ConvertedOpportunityId | Converted Opportunity ID | reference | N | ref=Opportunity rel=ConvertedOpportunity noperm
IsUnreadByOwner   | Unread By Owner | boolean    | CUD | default=true noperm
"""
    + AUDIT
    + LAST_ACTIVITY
    + """
DoNotCall       | Do Not Call | boolean | CUD |
HasOptedOutOfFax | Fax Opt Out | boolean | CUD |
"""
    + VIEWED
    + """
Jigsaw             | Data.com Key           | string 20   | CUN |
JigsawContactId    | Jigsaw Contact ID      | string 20   | N   | rel=JigsawContact noperm
CleanStatus        | Clean Status           | picklist 40 | CUN | restricted default=Pending pick=@clean
CompanyDunsNumber  | Company D-U-N-S Number | string 9    | CUN |
DandbCompanyId     | D&B Company ID         | reference   | CUN | ref=DandBCompany rel=DandbCompany
EmailBouncedReason | Email Bounced Reason   | string 255  | UN  | noperm
EmailBouncedDate   | Email Bounced Date     | datetime    | UN  | noperm
IndividualId       | Individual ID          | reference   | CUN | ref=Individual rel=Individual noperm
SICCode__c           | SIC Code             | string 15    | CUN |
ProductInterest__c   | Product Interest     | picklist 255 | CUN | pick=GC1000 series;GC5000 series;GC3000 series
Primary__c           | Primary              | picklist 255 | CUN | pick=No;Yes
CurrentGenerators__c | Current Generator(s) | string 100   | CUN |
NumberofLocations__c | Number of Locations  | double 3.0   | CUN |
"""
)

_CONTACT = (
    head("Contact", master="Contact")
    + "AccountId | Account ID | reference | CUN | ref=Account rel=Account\n"
    + _NAME
    + address("Other", "Other")
    + address("Mailing", "Mailing")
    + """
Phone          | Business Phone      | phone 40       | CUN |
Fax            | Business Fax        | phone 40       | CUN |
MobilePhone    | Mobile Phone        | phone 40       | CUN |
HomePhone      | Home Phone          | phone 40       | CUN |
OtherPhone     | Other Phone         | phone 40       | CUN |
AssistantPhone | Asst. Phone         | phone 40       | CUN |
ReportsToId    | Reports To ID       | reference      | CUN | ref=Contact rel=ReportsTo
Email          | Email               | email 80       | CUN | idlookup
Title          | Title               | string 128     | CUN |
Department     | Department          | string 80      | CUN |
AssistantName  | Assistant's Name    | string 40      | CUN |
LeadSource     | Lead Source         | picklist 40    | CUN | pick=@source
Birthdate      | Birthdate           | date           | CUN |
Description    | Contact Description | textarea 32000 | CUN | extra=plaintextarea
OwnerId        | Owner ID            | reference      | CUD | ref=User rel=Owner noperm
HasOptedOutOfEmail | Email Opt Out   | boolean        | CUD |
HasOptedOutOfFax   | Fax Opt Out     | boolean        | CUD |
DoNotCall          | Do Not Call     | boolean        | CUD |
"""
    + AUDIT
    + LAST_ACTIVITY
    + """
LastCURequestDate | Last Stay-in-Touch Request Date | datetime | N | noperm
LastCUUpdateDate  | Last Stay-in-Touch Save Date    | datetime | N | noperm
"""
    + VIEWED
    + """
EmailBouncedReason | Email Bounced Reason | string 255  | CUN | noperm
EmailBouncedDate   | Email Bounced Date   | datetime    | CUN | noperm
IsEmailBounced     | Is Email Bounced     | boolean     | D   | noperm
PhotoUrl           | Photo URL            | url 255     | N   | extra=imageurl noperm
Jigsaw             | Data.com Key         | string 20   | CUN |
JigsawContactId    | Jigsaw Contact ID    | string 20   | N   | rel=JigsawContact noperm
CleanStatus        | Clean Status         | picklist 40 | CUN | restricted default=Pending pick=@clean
IndividualId       | Individual ID        | reference   | CUN | ref=Individual rel=Individual noperm
Level__c           | Level                | picklist 255 | CUN | pick=Secondary;Tertiary;Primary
Languages__c       | Languages            | string 100  | CUN |
"""
)


def objects() -> tuple[ObjectType, ...]:
    """Lead and Contact."""
    return (
        ObjectType("Lead", "Lead", "Leads", "00Q", parse_fields(_LEAD, PICKLISTS), mergeable=True),
        ObjectType(
            "Contact",
            "Contact",
            "Contacts",
            "003",
            parse_fields(_CONTACT, PICKLISTS),
            mergeable=True,
        ),
    )
