"""Fields and picklists that many objects share."""

# ruff: noqa: E501 - one field a line, however many picklist values it has

from __future__ import annotations

PICKLISTS: dict[str, tuple[str, ...]] = {
    "salutation": ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof."),
    "source": ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other"),
    "rating": ("Hot", "Warm", "Cold"),
    "geocode": (
        "Address",
        "NearAddress",
        "Block",
        "Street",
        "ExtendedZip",
        "Zip",
        "Neighborhood",
        "City",
        "County",
        "State",
        "Unknown",
    ),
    "clean": (
        "Matched",
        "Different",
        "Acknowledged",
        "NotFound",
        "Inactive",
        "Pending",
        "SelectMatch",
        "Skipped",
    ),
    "industry": (
        "Agriculture",
        "Apparel",
        "Banking",
        "Biotechnology",
        "Chemicals",
        "Communications",
        "Construction",
        "Consulting",
        "Education",
        "Electronics",
        "Energy",
        "Engineering",
        "Entertainment",
        "Environmental",
        "Finance",
        "Food & Beverage",
        "Government",
        "Healthcare",
        "Hospitality",
        "Insurance",
        "Machinery",
        "Manufacturing",
        "Media",
        "Not For Profit",
        "Recreation",
        "Retail",
        "Shipping",
        "Technology",
        "Telecommunications",
        "Transportation",
        "Utilities",
        "Other",
    ),
    "account_type": (
        "Prospect",
        "Customer - Direct",
        "Customer - Channel",
        "Channel Partner / Reseller",
        "Installation Partner",
        "Technology Partner",
        "Other",
    ),
    "stages": (
        "Prospecting",
        "Qualification",
        "Needs Analysis",
        "Value Proposition",
        "Id. Decision Makers",
        "Perception Analysis",
        "Proposal/Price Quote",
        "Negotiation/Review",
        "Closed Won",
        "Closed Lost",
    ),
}

AUDIT = """
CreatedDate      | Created Date        | datetime  | D | noperm
CreatedById      | Created By ID       | reference | D | ref=User rel=CreatedBy noperm
LastModifiedDate | Last Modified Date  | datetime  | D | noperm
LastModifiedById | Last Modified By ID | reference | D | ref=User rel=LastModifiedBy noperm
SystemModstamp   | System Modstamp     | datetime  | D | noperm
"""

VIEWED = """
LastViewedDate     | Last Viewed Date     | datetime | N | noperm
LastReferencedDate | Last Referenced Date | datetime | N | noperm
"""

LAST_ACTIVITY = "LastActivityDate | Last Activity | date | N | noperm\n"


def head(label: str, *, master: str | None = None, deletable: bool = True) -> str:
    """Id, IsDeleted and, for objects that merge, MasterRecordId."""
    lines = f"Id | {label} ID | id | D | idlookup noperm\n"
    if deletable:
        lines += "IsDeleted | Deleted | boolean | D | noperm\n"
    if master:
        lines += (
            "MasterRecordId | Master Record ID | reference | N |"
            f" ref={master} rel=MasterRecord noperm\n"
        )
    return lines


def address(prefix: str, label: str) -> str:
    """The eight parts of an address and the compound they make."""
    compound = f"{prefix}Address"
    lead = f"{label} " if label else ""
    return f"""
{prefix}Street | {lead}Street | textarea 255 | CUN | in={compound} extra=plaintextarea
{prefix}City | {lead}City | string 40 | CUN | in={compound}
{prefix}State | {lead}State/Province | string 80 | CUN | in={compound}
{prefix}PostalCode | {lead}Zip/Postal Code | string 20 | CUN | in={compound}
{prefix}Country | {lead}Country | string 80 | CUN | in={compound}
{prefix}Latitude | {lead}Latitude | double 18.15 | CUN | in={compound}
{prefix}Longitude | {lead}Longitude | double 18.15 | CUN | in={compound}
{prefix}GeocodeAccuracy | {lead}Geocode Accuracy | picklist 40 | CUN | in={compound} restricted pick=@geocode
{compound} | {lead}Address | address | N |
"""
