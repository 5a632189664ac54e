"""`config.yaml` as JSON Schema, for editors. Like the mapping's, never stricter than the loader.

Keys and bounds stand in `sync.config` and the modules it reads with; a test compares them and runs
generated documents through both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from mappings.schema_words import (
    DRAFT,
    TEXT,
    Schema,
    keys,
    one_of,
    one_or_list,
    said,
    table,
)
from sync.config import GuardConfig, Limit, LogLevel
from sync.config_service import Follow
from sync.config_values import SystemKind, named, secret_keys
from sync.reporting_words import Audience

_SECRET: Schema = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"}
_FILE = "The same, in a file of its own (path relative to config.yaml)."

_SETTINGS: Mapping[str, Schema] = {
    "account_id": said(
        TEXT,
        "HubSpot: the Hub ID; Salesforce: the organization id. Checked at every start, so that a"
        " sandbox copy is never taken for production.",
    ),
    "leadloop_share": said(
        {"type": "number", "minimum": 0.01, "maximum": 1},
        "The share of the account's daily calls Leadloop may use; the rest stays for people.",
        default=0.8,
    ),
    "access_token": said(
        _SECRET, "The token of a private app, as `${NAME}` of an environment variable."
    ),
    "access_token_file": said(TEXT, _FILE),
    "refresh_token": said(
        _SECRET, "The refresh token of an OAuth app, as `${NAME}`; it takes the token's place."
    ),
    "refresh_token_file": said(TEXT, _FILE),
    "base_url": said(TEXT, "HubSpot's address.", default="https://api.hubapi.com"),
    "api": said(TEXT, "`v3`, or `2026-03` for the dated paths.", default="v3"),
    "search_lag_seconds": said(
        TEXT, "How long HubSpot's search may lag behind; changes are read again over that time."
    ),
    "lists": said(
        one_or_list({"type": ["integer", "string"]}),
        "Numbers of HubSpot lists. A rule or condition that names `list_41` then knows whether a"
        " contact is in list 41 (`true` or `false`, read only). Each is read every 15 minutes, a"
        " call for 250 members; the app needs the scope crm.lists.read.",
        examples=[[41, 57]],
    ),
    "login_url": said(TEXT, "The org's My Domain: https://NAME.my.salesforce.com."),
    "instance_url": said(TEXT, "The org's address, where it is not what the log-in names."),
    "audience": said(TEXT, "The audience of the JWT log-in, where it is not the log-in address."),
    "username": said(TEXT, "Who to log in as by JWT, with `private_key_file`."),
    "version": said(TEXT, "The Salesforce API version."),
    "client_id": said(
        TEXT, "The connected app's consumer key; HubSpot: the OAuth app's client id."
    ),
    "client_secret": said(_SECRET, "The app's secret, as `${NAME}` of an environment variable."),
    "client_secret_file": said(TEXT, _FILE),
    "ca_file": said(TEXT, "A certificate authority of your own."),
    "private_key_file": said(TEXT, "The private key whose certificate the connected app holds."),
    "file": said(TEXT, "The SQLite file that is shared with another program."),
}

_NEEDED: Mapping[SystemKind, tuple[str, ...]] = {
    SystemKind.HUBSPOT: (),
    SystemKind.SALESFORCE: ("login_url", "client_id"),
    SystemKind.OUTBOX: ("file",),
}
_NUMBERS: Mapping[str, tuple[Schema, str]] = {
    "floor": (
        {"type": "integer", "minimum": 0, "maximum": 1_000_000},
        "Up to so many changes are always allowed.",
    ),
    "rejected_share": (
        {"type": "number", "minimum": 0, "maximum": 1},
        "The share of a run's writes the vendor may refuse before the run stops.",
    ),
    "rejected_streak": (
        {"type": "integer", "minimum": 1, "maximum": 1_000_000},
        "So many refusals in a row stop the run.",
    ),
    "dead_letters": (
        {"type": "integer", "minimum": 1, "maximum": 1_000_000},
        "So many open dead letters call a person.",
    ),
}

_LIMITS: Mapping[str, str] = {
    "creates": "Records created.",
    "updates": "Records of which a value is written.",
    "overwrites": "Records of which a value is replaced.",
    "clears": "Records of which a value becomes blank.",
    "activities": "Tasks that log an event.",
    "deletes": "Linked records deleted at a vendor at once.",
    "merges": "Linked records merged at a vendor at once.",
    "consent": "People whose consent changes.",
    "moves": "People who are shown at another stage of the contract.",
    "assignments": "People who are given to somebody in sales.",
    "notices": "Notices about handoffs.",
}


def config_schema() -> Schema:
    """JSON Schema of `config.yaml`. Where the file is put together of several layers, nothing is
    required of it alone: what is missing may stand in another one."""
    whole = _whole()
    layers = {
        "include": said(
            one_or_list(TEXT),
            "Files that this one is laid over, key by key, the last uppermost; paths count from"
            " here.",
        ),
        "profiles": said(
            table({"type": ["object", "null"], "propertyNames": {"enum": _layered(whole)}}),
            "Keys of this file, laid over the rest by `--profile NAME` or `LEADLOOP_PROFILE`:"
            " sandbox and production in one file.",
            examples=[{"sandbox": {"state": {"url": "sqlite:///sandbox.sqlite3"}}}],
        ),
    }
    several = [{"required": [name]} for name in layers]
    return {
        "$schema": DRAFT,
        "title": "Leadloop configuration",
        "type": "object",
        "properties": {**_loose(whole["properties"]), **layers},
        "additionalProperties": False,
        "if": {"not": {"anyOf": several}},
        "then": {"properties": whole["properties"], "required": whole["required"]},
    }


def _layered(whole: Schema) -> list[str]:
    return [name for name in whole["properties"] if name != "format"]


def _loose(schema: Any) -> Any:
    """The schema with nothing required, at any depth."""
    if isinstance(schema, list):
        return [_loose(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _loose(value) for key, value in schema.items() if key != "required"}


def _whole() -> Schema:
    return keys(
        {
            "format": said({"const": 1}, "The version of the format: 1."),
            "tenant": said(
                TEXT, "Whose state this is, where one database keeps several.", default="default"
            ),
            "systems": said(
                table({"anyOf": [_system(kind) for kind in SystemKind]}),
                "The vendor accounts, each under a name of yours.",
            ),
            "pairs": said(table(_pair()), "What is kept in step: one MAP account with one CRM."),
            "state": said(_state(), "Where Leadloop keeps what it knows."),
            "schedule": said(_schedule(), "When the daemon reads what."),
            "matching": said(_matching(), "Who is one person."),
            "guard": said(_guard(), "A run that would change more than this stops and asks."),
            "notifications": said(
                one_or_list(TEXT), "Apprise addresses: who is called when a run stops."
            ),
            "staff": said(
                _staff(),
                "Where each person in sales hears of the leads they are given, and of promises near"
                " their end: by their User's e-mail address in Salesforce. Whoever has none here"
                " hears by `notifications`, with everybody else.",
            ),
            "reports": said(one_or_list(_report()), "Who is sent the monthly report."),
            "console": said(_listen("Where the page listens.", 8900), "The page."),
            "service": said(
                _listen("Where the daemon answers.", 8901, expose=True),
                "`leadloop run` answers /livez, /readyz and /metrics here.",
            ),
            "retention": said(_retention(), "How long what is no longer needed is kept."),
            "erasure": said(
                keys(
                    {
                        "folder": said(
                            TEXT,
                            "Folder of erasure_key and erasures.jsonl; by default beside a SQLite "
                            "state, else beside this file. Back it up apart from the state.",
                        ),
                        "follow": said(
                            one_of(Follow),
                            "What becomes of a person whose contact HubSpot has deleted for good:"
                            " erased from what Leadloop keeps, or asked of Salesforce as well, or"
                            " nothing (`off`, in quotes): then it is a deletion like any other.",
                            default="state",
                        ),
                    }
                ),
                "What keeps erased people from coming back.",
            ),
            "log_level": said(
                one_of(LogLevel), "How much is said on stderr.", default=LogLevel.INFO.value
            ),
        },
        required=("format", "systems", "pairs"),
    )


def _staff() -> Schema:
    return keys(
        {
            "address": said(
                TEXT,
                "An Apprise address in which `{email}` stands for each one's own.",
                examples=["mailtos://user:password@mail.example.com?to={email}"],
            ),
            "people": said(table(TEXT), "Apprise addresses of single people, by e-mail address."),
        }
    )


def _report() -> Schema:
    return keys(
        {
            "to": said(
                one_or_list(TEXT), "Apprise addresses, such as mailtos://user:password@host."
            ),
            "for": said(
                one_of(Audience),
                "Whose report: what the other team alone answers for is left out.",
                default="both",
            ),
        },
        required=("to",),
    )


def _system(kind: SystemKind) -> Schema:
    known = {key: _SETTINGS[key] for key in secret_keys(kind.value) if key != "kind"}
    word = said({"enum": [kind.value]}, f"Which system it is: {named(SystemKind)}.")
    return keys({"kind": word, **known}, required=("kind", *_NEEDED[kind]))


def _pair() -> Schema:
    return keys(
        {
            "map": said(TEXT, "The name of a HubSpot system."),
            "crm": said(TEXT, "The name of a Salesforce system, or of an outbox."),
            "mapping": said(TEXT, "A file, or a directory of *.yaml files.", default="mappings"),
            "region": said(TEXT, "ISO country of phone numbers without a country code."),
        },
        required=("map", "crm"),
    )


def _state() -> Schema:
    return keys(
        {
            "url": said(
                TEXT,
                "sqlite:///FILE, or postgresql://USER@HOST/DATABASE; may name `${VARIABLES}`.",
                default="sqlite:///leadloop.sqlite3",
            ),
            "url_file": said(TEXT, _FILE),
        }
    )


def _schedule() -> Schema:
    seconds = {"type": "number", "minimum": 5, "maximum": 86_400}
    return keys(
        {
            "fast": said(
                seconds, "Seconds between looks at changed records and fresh events.", default=60
            ),
            "quarter": said(seconds, "Seconds between looks at all forms.", default=900),
            "nightly": said(
                TEXT,
                "The time of day (UTC) of what is done once a day.",
                default="02:00",
            ),
            "hold_deletions": said(
                {"type": "number", "minimum": 0, "maximum": 86_400},
                "Seconds a deleted person's link is kept in case the deletion is half of a merge;"
                " 0 ends it at once.",
                default=900,
            ),
        }
    )


def _matching() -> Schema:
    return keys(
        {
            "link": said(
                {"type": "number", "minimum": 0.5, "maximum": 1},
                "The probability from which two records are one person.",
                default=0.99,
            ),
            "review": said(
                {"type": "number", "minimum": 0, "maximum": 1},
                "Down to here a person decides; below, they are two. Lower than `link`.",
                default=0.04,
            ),
            "retrain_days": said(
                {"type": "integer", "minimum": 0, "maximum": 3_650},
                "Days after which the daemon learns the linkage model anew; 0 never.",
                default=30,
            ),
            "retrain_change": said(
                {"type": "number", "minimum": 0, "maximum": 1},
                "The share of links and questions that a new model may decide otherwise and still"
                " be used by itself; beyond it a person is asked.",
                default=0.005,
            ),
        }
    )


def _guard() -> Schema:
    defaults = {f.name: f.default for f in fields(GuardConfig)}
    limits = {name: _limit(words, defaults[name]) for name, words in _LIMITS.items()}
    numbers = {
        name: said(schema, words, default=defaults[name])
        for name, (schema, words) in _NUMBERS.items()
    }
    return keys({**limits, **numbers})


def _limit(words: str, default: Any) -> Schema:
    given = default if isinstance(default, Limit) else Limit(1.0, 0)
    return said(
        keys(
            {
                "share": said(
                    {"type": "number", "minimum": 0, "maximum": 1},
                    "As a share of all records.",
                    default=given.share,
                ),
                "count": said(
                    {"type": "integer", "minimum": 0, "maximum": 1_000_000_000},
                    "As a count.",
                    default=given.count,
                ),
            }
        ),
        words,
    )


def _listen(words: str, port: int, *, expose: bool = False) -> Schema:
    found = {
        "host": said(TEXT, words, default="127.0.0.1"),
        "port": said(
            {"type": "integer", "minimum": 0, "maximum": 65_535},
            "The port; 0 takes any free one.",
            default=port,
        ),
    }
    if expose:
        found["expose"] = said(
            {"type": "boolean"}, "Allows an address that other machines reach.", default=False
        )
    return keys(found)


def _retention() -> Schema:
    def whole(words: str, high: int, default: int) -> Schema:
        return said({"type": "integer", "minimum": 1, "maximum": high}, words, default=default)

    days = 3_650
    return keys(
        {
            "inbox_days": whole("Payloads of changes that are settled.", days, 30),
            "dead_letter_days": whole("Dead letters, replayed or discarded.", days, 90),
            "before_image_days": whole("How long a write can be undone.", days, 180),
            "event_months": whole("What is known of a marketing event beside its key.", 240, 25),
        }
    )
