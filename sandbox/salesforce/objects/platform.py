"""Users and what they may see, the organisation, histories, topics and custom field definitions."""

# ruff: noqa: E501 - one field a line, however many picklist values it has
# ruff: noqa: ISC003 - the head of a table reads as a line of its own

from __future__ import annotations

from typing import Any

from sandbox.salesforce.fields import ObjectType, parse_fields
from sandbox.salesforce.objects.common import AUDIT, PICKLISTS, head

_USER = (
    "Id | User ID | id | D | idlookup noperm\n"
    """
Username    | Username    | string 80  | CU  | idlookup unique noperm
LastName    | Last Name   | string 80  | CU  | in=Name extra=personname noperm
FirstName   | First Name  | string 40  | CUN | in=Name extra=personname noperm
Name        | Full Name   | string 121 |     | extra=personname namefield noperm
CompanyName | Company Name | string 80 | CUN | noperm
Division    | Division    | string 80  | CUN | noperm
Department  | Department  | string 80  | CUN | noperm
Title       | Title       | string 80  | CUN | noperm
Email       | Email       | email 128  | CU  | idlookup noperm
Alias       | Alias       | string 8   | CUD | noperm
IsActive    | Active      | boolean    | CUD | default=true noperm
TimeZoneSidKey    | Time Zone | picklist 40 | CUD | noperm default=Etc/UTC
LocaleSidKey      | Locale    | picklist 40 | CUD | noperm default=en_US
EmailEncodingKey  | Email Encoding | picklist 40 | CUD | noperm default=UTF-8
LanguageLocaleKey | Language  | picklist 40 | CUD | noperm default=en_US
UserType    | User Type   | picklist 40 | D  | noperm restricted default=Standard
ProfileId   | Profile ID  | reference  | CUD | ref=Profile rel=Profile noperm
UserRoleId  | Role ID     | reference  | CUN | ref=UserRole rel=UserRole noperm
ManagerId   | Manager ID  | reference  | CUN | ref=User rel=Manager noperm
Phone       | Phone       | phone 40   | CUN | noperm
MobilePhone | Mobile      | phone 40   | CUN | noperm
LastLoginDate | Last Login | datetime  | N   | noperm
""" + AUDIT
)

_GROUP = (
    "Id | Group ID | id | D | idlookup noperm\n"
    + """
Name          | Name           | string 40   | CU  | namefield noperm
DeveloperName | Developer Name | string 80   | CUN | noperm
Type          | Type           | picklist 40 | C   | noperm pick=Regular;Queue
"""
    + AUDIT
)

_ORGANIZATION = (
    "Id | Organization ID | id | D | idlookup noperm\n"
    + """
Name             | Name              | string 80  | CU | namefield noperm
PrimaryContact   | Primary Contact   | string 80  | N  | noperm
OrganizationType | Edition           | picklist 40 | N | noperm
InstanceName     | Instance Name     | string 5   | N  | noperm
IsSandbox        | Is Sandbox        | boolean    | D  | noperm
NamespacePrefix  | Namespace Prefix  | string 15  | N  | noperm
TimeZoneSidKey   | Time Zone         | picklist 40 | N | noperm
DefaultLocaleSidKey | Locale         | picklist 40 | N | noperm
LanguageLocaleKey | Language         | picklist 40 | N | noperm
FiscalYearStartMonth | Fiscal Year Starts In | int 9 | N | noperm
TrialExpirationDate  | Trial Expiration Date | datetime | N | noperm
"""
    + AUDIT
)

_RECORD_TYPE = (
    "Id | Record Type ID | id | D | idlookup noperm\n"
    + """
Name          | Name           | string 80  | CU  | namefield noperm
DeveloperName | Developer Name | string 80  | CUN | noperm
Description   | Description    | string 255 | CUN | noperm
SobjectType   | SObject Type Name | picklist 40 | C | noperm
IsActive      | Active         | boolean    | CUD | noperm
"""
    + AUDIT
)

_LEAD_STATUS = (
    "Id | Lead Status ID | id | D | idlookup noperm\n"
    + """
MasterLabel | Master Label | string 255 | N | namefield noperm
ApiName     | API Name     | string 255 | N | noperm
SortOrder   | Sort Order   | int 9      | N | noperm
IsDefault   | Is Default   | boolean    | D | noperm
IsConverted | Converted    | boolean    | D | noperm
"""
    + AUDIT
)

_PROFILE = (
    "Id | Profile ID | id | D | idlookup noperm\n"
    + """
Name          | Name           | string 255 | CU | namefield noperm
UserType      | User Type      | picklist 40 | N | noperm
Description   | Description    | string 255 | CUN | noperm
"""
    + AUDIT
)

_PERMISSION_SET = (
    "Id | PermissionSet ID | id | D | idlookup noperm\n"
    + """
Name             | Permission Set Name | string 80 | CU | unique noperm
Label            | Permission Set Label | string 80 | CU | namefield noperm
LicenseId        | License ID       | string 18  | CN | noperm
ProfileId        | Profile ID       | reference  | N  | ref=Profile rel=Profile noperm
IsOwnedByProfile | Is Owned By Profile | boolean | D  | noperm
IsCustom         | Custom           | boolean    | D  | default=true noperm
Description      | Description      | string 255 | CUN | noperm
Type             | Type             | picklist 40 | D | noperm default=Regular
PermissionsCustomizeApplication | Customize Application | boolean | CUD | noperm
PermissionsApiEnabled           | API Enabled           | boolean | CUD | noperm
PermissionsModifyAllData        | Modify All Data       | boolean | CUD | noperm
PermissionsViewAllData          | View All Data         | boolean | CUD | noperm
"""
    + AUDIT
)

_FIELD_PERMISSIONS = (
    "Id | Field Permissions ID | id | D | idlookup noperm\n"
    + """
ParentId        | Parent ID         | reference    | C  | ref=PermissionSet rel=Parent noperm
SobjectType     | SObject Type Name | picklist 255 | C  | noperm
Field           | Field Name        | picklist 255 | C  | noperm
PermissionsEdit | Edit Field        | boolean      | CUD | noperm
PermissionsRead | Read Field        | boolean      | CUD | noperm
SystemModstamp  | System Modstamp   | datetime     | D  | noperm
"""
)

_OBJECT_PERMISSIONS = (
    "Id | ObjectPermissions ID | id | D | idlookup noperm\n"
    + """
ParentId    | Parent ID         | reference    | C | ref=PermissionSet rel=Parent noperm
SobjectType | SObject Type Name | picklist 255 | C | noperm
PermissionsCreate | Create Records | boolean | CUD | noperm
PermissionsRead   | Read Records   | boolean | CUD | noperm
PermissionsEdit   | Edit Records   | boolean | CUD | noperm
PermissionsDelete | Delete Records | boolean | CUD | noperm
PermissionsViewAllRecords   | Read All Records | boolean | CUD | noperm
PermissionsModifyAllRecords | Edit All Records | boolean | CUD | noperm
"""
    + AUDIT
)

_ASSIGNMENT = (
    "Id | PermissionSetAssignment ID | id | D | idlookup noperm\n"
    + """
PermissionSetId | PermissionSet ID | reference | C | ref=PermissionSet rel=PermissionSet noperm
AssigneeId      | Assignee ID      | reference | C | ref=User rel=Assignee noperm
IsActive        | Is Active        | boolean   | D | default=true noperm
SystemModstamp  | Date Assigned    | datetime  | D | noperm
"""
)

_CUSTOM_FIELD = (
    "Id | Custom Field Definition ID | id | D | idlookup noperm\n"
    + """
FullName        | Full Name        | string 255 | CN | noperm
DeveloperName   | Developer Name   | string 40  | N  | namefield noperm
TableEnumOrId   | Table Enum or ID | picklist 40 | N | noperm
NamespacePrefix | Namespace Prefix | string 15  | N  | noperm
ManageableState | Manageable State | picklist 40 | N | noperm default=unmanaged
Metadata        | Metadata         | complexvalue | CUN | noperm
"""
    + AUDIT
)

_TOPIC = """
Id             | Topic ID       | id          | D  | idlookup noperm
Name           | Name           | string 99   | CU | idlookup namefield noperm
Description    | Description    | string 1000 | CUN | noperm
CreatedDate    | Created Date   | datetime    | D  | noperm
CreatedById    | Created By ID  | reference   | D  | ref=User rel=CreatedBy noperm
TalkingAbout   | Talking About  | int 9       |    | default=0 noperm
SystemModstamp | System Modstamp | datetime   | D  | noperm
"""

_TOPIC_ASSIGNMENT = """
Id             | Topic Assignment ID | id    | D | idlookup noperm
TopicId        | Topic ID       | reference  | C | ref=Topic rel=Topic noperm
EntityId       | Entity ID      | reference  | C | ref=Account,Campaign,Contact,Lead,Opportunity rel=Entity noperm
EntityKeyPrefix | Record Key Prefix | string 3 | N | noperm
EntityType     | Entity Type    | string 80  | N | noperm
CreatedDate    | Created Date   | datetime   | D | noperm
CreatedById    | Created By ID  | reference  | D | ref=User rel=CreatedBy noperm
IsDeleted      | Deleted        | boolean    | D | noperm
SystemModstamp | System Modstamp | datetime  | D | noperm
"""


def _history(parent: str) -> str:
    return (
        head("History")
        + f"""
{parent}Id  | {parent} ID   | reference    | N | ref={parent} rel={parent} noperm
CreatedById | Created By ID | reference    | D | ref=User rel=CreatedBy noperm
CreatedDate | Created Date  | datetime     | D | noperm
Field       | Changed Field | picklist 255 | D | noperm
DataType    | Datatype      | picklist 40  | N | noperm
OldValue    | Old Value     | anyType 255  | N | noperm
NewValue    | New Value     | anyType 255  | N | noperm
"""
    )


def objects() -> tuple[ObjectType, ...]:
    """Everything that is not a person, an activity or a sale."""

    def kind(name: str, prefix: str, table: str, **flags: Any) -> ObjectType:
        label = _spaced(name)
        return ObjectType(
            name,
            label,
            label + "s",
            prefix,
            parse_fields(table, PICKLISTS),
            undeletable=False,
            **flags,
        )

    def fixed(name: str, prefix: str, table: str, *, updateable: bool = False) -> ObjectType:
        return kind(name, prefix, table, createable=False, updateable=updateable, deletable=False)

    return (
        kind("User", "005", _USER, deletable=False),
        kind("Group", "00G", _GROUP),
        fixed("Organization", "00D", _ORGANIZATION, updateable=True),
        kind("RecordType", "012", _RECORD_TYPE, deletable=False),
        fixed("LeadStatus", "01J", _LEAD_STATUS),
        fixed("Profile", "00e", _PROFILE),
        kind("PermissionSet", "0PS", _PERMISSION_SET),
        kind("FieldPermissions", "01k", _FIELD_PERMISSIONS),
        kind("ObjectPermissions", "110", _OBJECT_PERMISSIONS),
        kind("PermissionSetAssignment", "0Pa", _ASSIGNMENT, updateable=False),
        kind("Topic", "0TO", _TOPIC, triggerable=True),
        kind("TopicAssignment", "0FT", _TOPIC_ASSIGNMENT, updateable=False),
        fixed("LeadHistory", "017", _history("Lead")),
        fixed("ContactHistory", "017", _history("Contact")),
        fixed("AccountHistory", "017", _history("Account")),
        fixed("OpportunityFieldHistory", "017", _history("Opportunity")),
        kind("CustomField", "00N", _CUSTOM_FIELD, tooling=True),
    )


def _spaced(name: str) -> str:
    return "".join(
        f" {char}" if char.isupper() and index else char for index, char in enumerate(name)
    )
