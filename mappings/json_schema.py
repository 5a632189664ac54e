"""The mapping format as JSON Schema, so that editors complete keys and mark slips while typing.

The schema is never stricter than the loader (`mappings.loader`): what it refuses, the loader
refuses. The loader checks more than a schema can say: fields that exist, values that fit, two
rules that write one field. Choices come from the enumerations the loader reads, so that the two
cannot drift apart; a test compares the keys and runs generated documents through both.
"""

from __future__ import annotations

from mappings.contract_schema import contract_keys
from mappings.fieldmap import (
    ActivityForm,
    Aggregate,
    Direction,
    EntityKind,
    Overwrite,
    Owner,
    TooLong,
    TouchSource,
    ValueType,
)
from mappings.schema_names import ATTRIBUTE_WORDS, EVENT_WORDS, OUTCOME_WORDS
from mappings.schema_words import (
    DRAFT,
    TEXT,
    Schema,
    keys,
    one_of,
    one_or_list,
    optional,
    said,
    table,
)
from mappings.steps import TRANSFORMS


def mapping_schema() -> Schema:
    """JSON Schema of one mapping file."""
    top = keys(
        {
            "format": said({"const": 1}, "The version of the format: 1."),
            "go_live": said(
                {"type": "string"},
                "Form fills before this moment become counts and no Tasks, and nothing is handed"
                " to sales for them. A time with its zone.",
                examples=["2026-03-02T08:00:00Z"],
            ),
            "objects": said(
                table(_object()),
                "What is kept in step: a name of yours for each entry, and one MAP object with one"
                " or more CRM objects in it.",
            ),
            "activities": said(
                table(one_of(ActivityForm), EVENT_WORDS),
                "What each kind of event becomes in the CRM: a Task, a campaign member, a count in"
                " roll-up fields, or nothing (`off`, in quotes for editors that read YAML 1.1).",
            ),
            "consent": said(
                one_or_list(_consent()),
                "Which CRM flag stands for which opt-out. The most restrictive state of both sides"
                " holds on both.",
            ),
            "outcomes": said(
                table({"type": "string"}, OUTCOME_WORDS),
                "What the CRM knows, each written to a HubSpot contact property."
                " `leadloop doctor --fix` creates those that are missing.",
            ),
            "campaigns": said(
                table(TEXT),
                "For events that become campaign members: the form's, campaign's or custom event's"
                " name, and the Salesforce Campaign id.",
                examples=[{"Spring webinar": "701000000000001"}],
            ),
            "custom_events": said(
                table(one_of(ActivityForm)),
                "HubSpot's custom events by their internal name, and what each becomes: a Task, a"
                " campaign member, a count in roll-up fields, or nothing (`off`). Those that are"
                " not named are not read.",
                examples=[{"pe1234567_demo_watched": "task"}],
            ),
            "touches": _touches(),
            "tables": said(
                table(_picklist()),
                "Picklist tables that several rules use, each under a name of yours:"
                " `values: NAME`.",
                examples=[{"countries": {"Germany": "DE", "France": "FR"}}],
            ),
            **contract_keys(),
        },
        required=("format",),
    )
    return {"$schema": DRAFT, "title": "Leadloop mapping", **top}


def _touches() -> Schema:
    return said(
        one_or_list(one_of(TouchSource)),
        "Further touch points to read, each at one call a quarter of an hour: who answered to a"
        " Salesforce campaign, e-mails people sent from Salesforce, calls and meetings they logged"
        " in HubSpot. Finished Tasks and meetings in Salesforce always count.",
        examples=[["campaign_responses", "calls"]],
    )


def _created() -> Schema:
    return keys(
        {
            "object": said(TEXT, "The CRM object these become, or `none`."),
            "when": said(
                TEXT,
                "For which MAP records: a condition (CEL) over their properties. Without it, for"
                " all that are left: the last entry.",
                examples=['lifecyclestage == "customer"'],
            ),
        },
        required=("object",),
    )


def _object() -> Schema:
    return keys(
        {
            "kind": said(one_of(EntityKind), "What the entry is about; matching depends on it."),
            "map": said(TEXT, "The HubSpot object, such as `contacts`."),
            "crm": said(
                one_or_list(TEXT),
                "The Salesforce objects, in order of preference where a person has several.",
                examples=[["Contact", "Lead"]],
            ),
            "create_crm": said(
                {"anyOf": [TEXT, {"type": "array", "items": _created()}]},
                "The CRM object that a MAP record without counterpart becomes; `none`: it is"
                " matched and never created. Or a list: of its entries the first whose condition"
                " holds counts.",
                default="none",
                examples=[
                    "Lead",
                    [
                        {"object": "Contact", "when": 'lifecyclestage == "customer"'},
                        {"object": "Lead"},
                    ],
                ],
            ),
            "create_map": said(
                {"type": "boolean"},
                "Whether a CRM record without counterpart is created in the MAP.",
                default=False,
            ),
            "include": said(
                TEXT,
                "Which MAP records are kept in step: a condition (CEL) over their properties."
                " Without it, all.",
                examples=['lifecyclestage != "subscriber"'],
            ),
            "identity": said(
                table(_identity(), ATTRIBUTE_WORDS),
                "Where matching finds what it compares: an attribute, and the properties and fields"
                " that hold it. Nothing here is ever written.",
            ),
            "fields": said(one_or_list(_rule()), "The field rules, one for each pair of fields."),
        },
        required=("kind", "map", "crm"),
    )


def _identity() -> Schema:
    names = one_or_list(TEXT)
    by_object = table(optional(names))
    return keys(
        {
            "map": said(names, "The MAP properties, the first that is not blank first."),
            "crm": said(
                {"anyOf": [*names["anyOf"], by_object]},
                "The CRM fields, for all objects or by object.",
            ),
        }
    )


def _crm_field() -> Schema:
    return {"anyOf": [{"type": "string"}, table({"type": "string"})]}


def _consent() -> Schema:
    return keys(
        {
            "crm": said(_crm_field(), "The CRM flag, such as `HasOptedOutOfEmail`."),
            "subscription": said(
                TEXT,
                "The number of the subscription type it stands for; `all` is all mail.",
                default="all",
            ),
        },
        required=("crm",),
    )


def _rule() -> Schema:
    rule = keys({**_rule_flow(), **_rule_values()}, required=("map", "crm"))
    one_way = {"enum": [Direction.TO_CRM.value, Direction.TO_MAP.value]}
    return rule | {
        "if": {"properties": {"direction": one_way}, "required": ["direction"]},
        "else": {"required": ["owner"]},
    }


def _rule_flow() -> Schema:
    """Keys of a field rule about which value goes where."""
    return {
        "map": said(TEXT, "The HubSpot property, by its internal name."),
        "crm": said(
            _crm_field(),
            "The Salesforce field, by its API name: one for every object of the entry, or one"
            " for each, as `{Lead: Street, Contact: MailingStreet}`.",
        ),
        "direction": said(one_of(Direction), "Which way values go.", default=Direction.BOTH.value),
        "owner": said(
            one_of(Owner),
            "Who wins where both sides changed; `none`: the newer change, or a person. Needed"
            " where values go both ways.",
        ),
        "overwrite": said(
            one_of(Overwrite),
            "When a value may replace another one.",
            default=Overwrite.ALWAYS.value,
        ),
        "when": said(
            TEXT,
            "For which records the rule applies: a condition (CEL) over the HubSpot record, or over"
            " the Salesforce record with `direction: to_map`. Of several rules for one field the"
            " first whose condition holds applies. Without it, all.",
            examples=['country == "Germany"'],
        ),
        "clear": said({"type": "boolean"}, "Whether a blank may erase a value.", default=False),
    }


def _rule_values() -> Schema:
    """Keys of a field rule about what the values are and become."""
    return {
        "type": said(
            one_of(ValueType),
            "What the values are, so that both spellings compare. Without it, the field's own"
            " type.",
        ),
        "aggregate": said(
            one_of(Aggregate), "How two different values become one, instead of one winning."
        ),
        "values": said(
            {"anyOf": [_picklist(), {"type": "string"}]},
            "Picklists both ways: HubSpot value to Salesforce value. Of a list the first is"
            ' written and all are understood; `"*"` is every value not listed. Or the name of one'
            " of the `tables`. Comes after `transform`.",
            examples=[{"ORGANIC_SEARCH": "Web", "*": "Other"}],
        ),
        "transform": said(
            one_or_list({"type": "string", "pattern": _transform_pattern()}),
            "Steps applied, in order, to what goes from HubSpot to Salesforce, or the other way"
            " with `direction: to_map`: " + ", ".join(f"`{name}`" for name in TRANSFORMS) + ".",
            examples=[["trim", "title_case", "truncate(40)"]],
        ),
        "template": said(
            TEXT,
            "The value is made of several fields of the record it comes from, named in braces;"
            " `map` (or `crm`, on the way to HubSpot) is the one it is known by. One way only.",
            examples=["{city}, {state}"],
        ),
        "default": said(
            TEXT,
            "For a created record that lacks the value. Never replaces one, never travels back.",
        ),
        "too_long": said(
            one_of(TooLong),
            "What happens to text longer than the CRM field.",
            default=TooLong.REJECT.value,
        ),
        "max_length": said(
            {"type": "integer", "minimum": 1, "maximum": 1_000_000},
            "How many characters the CRM field takes. Without it, as Salesforce describes.",
        ),
        "custom": said(
            {"type": "boolean"},
            "Declares a field of the account's own whose name resembles a standard one.",
            default=False,
        ),
    }


def _picklist() -> Schema:
    return table(one_or_list({"type": ["string", "number", "boolean"]}))


def _transform_pattern() -> str:
    return rf"^\s*({'|'.join(TRANSFORMS)})(\(.*\))?\s*$"
