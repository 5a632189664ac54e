"""The contract's keys as JSON Schema: part of a mapping file's (`mappings.json_schema`)."""

from __future__ import annotations

from mappings.contract import Fact, Period, Team
from mappings.contract_handoff import TASK, WARN_AT
from mappings.fieldmap import ValueType
from mappings.reporting import Month, Weekday
from mappings.schema_words import TEXT, Schema, keys, one_of, one_or_list, said, table

_CONDITION: Schema = {"type": "string"}
_FIELD: Schema = {"type": "string"}


def contract_keys() -> dict[str, Schema]:
    """The top keys of a mapping file that are about the contract."""
    return {
        "reporting": said(
            keys(_reporting()), "How time and money are counted for everybody; decides nothing."
        ),
        "terms": said(
            table(one_of(ValueType)),
            "Types of the account's own fields that conditions name; without it they are text.",
            examples=[{"map.company_size": "number"}],
        ),
        "personas": said(
            table(_CONDITION),
            "Kinds of buyers, each a condition; a person is the first that holds.",
        ),
        "calendars": said(table(_calendar()), "When people work: business hours and days off."),
        "queues": said(table(_queue()), "Who takes leads, in turn by weight."),
        "lifecycles": said(
            table(_lifecycle()),
            "The stages both teams agree on, from first contact to customer; several lifecycles"
            " where their segments exclude each other.",
        ),
        "promises": said(
            one_or_list(_promise()),
            "What marketing promises: how many people reach a stage in a period.",
        ),
    }  # fmt: skip


def _reporting() -> dict[str, Schema]:
    return {
        "zone": said(TEXT, "The time zone `today` and periods are read in.", default="UTC"),
        "week_starts": said(one_of(Weekday), "The first day of the week.", default="monday"),
        "year_starts": said(
            one_of(Month),
            "The first month of the fiscal year; quarters count from it. Fiscal year 2026 begins in"
            " the calendar year 2026.",
            default="january",
        ),
        "currency": said(
            TEXT, "The ISO code of the currency of sums, and of amounts that name none."
        ),
        "rates": said(
            one_or_list(_rate()),
            "Rates into that currency. The latest on or before a deal's day counts; without one the"
            " deal is in no sum, and counted as such.",
        ),
        "quotas": said(one_or_list(_quota()), "What is to be sold in a month, quarter or year."),
        "integrations": said(
            one_or_list({"type": "string"}),
            "Salesforce User ids of machines: what they do is nobody's work. The user Leadloop"
            " works as is one without being named.",
        ),
        "traits": said(
            one_or_list(TEXT),
            "HubSpot contact properties whose values are held against won deals, such as industry.",
            examples=[["industry", "country"]],
        ),
    }


def _rate() -> Schema:
    return keys(
        {
            "currency": said(TEXT, "The ISO code of the other currency."),
            "from": said(TEXT, "The first day it holds; without it since ever."),
            "rate": said(TEXT, "How much one unit of it is in the reporting currency."),
        },
        required=("currency", "rate"),
    )


def _quota() -> Schema:
    return keys(
        {
            "period": said(
                TEXT, "The month, fiscal quarter or fiscal year: 2026-03, 2026-Q1, 2026."
            ),
            "amount": said(TEXT, "How much, in the reporting currency."),
            "marketing": said(TEXT, "Marketing's share of it, between 0 and 1."),
        },
        required=("period", "amount"),
    )


def _calendar() -> Schema:
    return keys(
        {
            "zone": said(TEXT, "The time zone, such as Europe/Berlin."),
            "hours": said(
                table(one_or_list({"type": "string"})),
                "Opening hours by day (`mon` to `sun`, or several as in `mon-fri`), local time.",
                examples=[{"mon-fri": "09:00-17:00"}],
            ),
            "days_off": said(one_or_list({"type": "string"}), "Further days without work."),
            "holidays": said(
                TEXT, "Public holidays of a country or its part, by ISO code, as DE or DE-BE."
            ),
        },
        required=("zone", "hours"),
    )


def _queue() -> Schema:
    member = keys(
        {
            "user": said(TEXT, "The Salesforce User id."),
            "weight": said(
                {"type": "integer", "minimum": 1, "maximum": 100}, "The share.", default=1
            ),
            "capacity": said(
                {"type": "integer", "minimum": 0, "maximum": 100_000},
                "How many open leads the member has at most. Without it, any number.",
            ),
            "away": said(
                one_or_list({"type": "string"}),
                "Days without new leads: first and last, with a slash between.",
                examples=["2026-12-21/2027-01-02"],
            ),
        },
        required=("user",),
    )
    return keys(
        {
            "calendar": said(TEXT, "By whose hours promises to this queue are counted."),
            "members": said(one_or_list(member), "Who takes leads."),
            "fallback": said(
                TEXT, "The User id that takes what nobody else can: all away, inactive or full."
            ),
        },
        required=("members", "fallback"),
    )


def _lifecycle() -> Schema:
    return keys(
        {
            "segment": said(_CONDITION, "Whom it applies to. Without it, everybody."),
            "recycle_reasons": said(one_or_list(TEXT), "Why somebody may be sent back."),
            "stages": said(table(_stage()), "The stages, in order from first contact on."),
        },
        required=("stages",),
    )


def _stage() -> Schema:
    return keys(
        {
            "team": said(one_of(Team), "Whose stage it is."),
            "after": said(
                one_or_list(TEXT),
                "The stages directly before it. Without it, the one listed before that has"
                " `entry`.",
            ),
            "entry": said(
                one_or_list(_CONDITION),
                "When it is reached: conditions (CEL), all of which must hold. Without it, by an"
                " `exit` of another stage alone.",
                examples=["count(events.form_fill, days(30)) >= 2"],
            ),
            "requires": said(
                one_or_list(_FIELD), "Fields without which its handoff is held.",
                examples=[["map.company", "crm.Country"]],
            ),
            "exit": said(one_or_list(_exit()), "When somebody is sent back, and where to."),
            "fact": said(
                one_of(Fact),
                "The qualification this stage establishes, kept in a field of its own"
                " (`leadloop_mql_at`, `leadloop_sales_qualified_at`). It may rest on that team's"
                " data alone.",
            ),
            "shown_as": said(
                TEXT, "The value of HubSpot's `lifecyclestage` while somebody stands here."
            ),
            "handoff": said(_handoff(), "How it is handed to the other team once reached."),
        },
        required=("team",),
    )  # fmt: skip


def _exit() -> Schema:
    return keys(
        {
            "when": said(_CONDITION, "When the step back is taken."),
            "to": said(TEXT, "An earlier stage, or one without `entry` such as nurture."),
            "reason": said(TEXT, "One of `recycle_reasons`, or the field that holds it."),
            "recontact": said(
                TEXT, "The date field that says when they come back, or days as in `90d`."
            ),
        },
        required=("when", "to", "reason"),
    )


def _handoff() -> Schema:
    line = keys(
        {
            "when": said(_CONDITION, "Whom this line is for. Without it, everybody."),
            "queue": said(TEXT, "The queue that takes them."),
        },
        required=("queue",),
    )
    one: Schema = {"anyOf": [{"type": "string"}, line]}
    lines: Schema = {"anyOf": [*one["anyOf"], {"type": "array", "items": one}]}
    return keys(
        {
            "queues": said(lines, "Who takes the leads: the first line that holds."),
            "accept": said(_CONDITION, "How sales says that it has taken a lead on."),
            "reject": said(_CONDITION, "How sales says no."),
            "reason": said(_FIELD, "The field in which sales says why."),
            "task": said(TEXT, "What the CRM task is called.", default=TASK),
            "notify": said({"type": "boolean"}, "Whether the owner is told.", default=True),
            "service_level": said(_level(), "What sales promises, in business time."),
        },
        required=("queues",),
    )


def _level() -> Schema:
    span = {"type": "string", "pattern": "^[0-9]{1,4}[mhd]$"}
    return keys(
        {
            "accept_within": said(span, "Until it is accepted: 30m, 4h, or 2d (business days)."),
            "touch_within": said(span, "Until the first human touch."),
            "attempts": said(
                {"type": "integer", "minimum": 1, "maximum": 100}, "How many attempts are made."
            ),
            "attempts_within": said(span, "Until all attempts are made."),
            "warn_at": said(
                {"type": "number", "minimum": 0.1, "maximum": 1},
                "The share of the time after which a warning goes out.",
                default=WARN_AT,
            ),
            "escalate_to": said(
                one_or_list(TEXT), "User ids that take over, one for each further broken promise."
            ),
            "calendar": said(TEXT, "Counts where the queue names no calendar."),
        }
    )


def _promise() -> Schema:
    return keys(
        {
            "lifecycle": said(TEXT, "Which lifecycle."),
            "stage": said(TEXT, "The stage that is to be reached."),
            "count": said(
                {"type": "integer", "minimum": 1, "maximum": 10_000_000}, "How many people."
            ),
            "per": said(one_of(Period), "In which period.", default=Period.MONTH.value),
            "persona": said(TEXT, "Of which persona alone."),
        },
        required=("lifecycle", "stage", "count"),
    )
