"""Writes a workspace: `config.yaml`, `mappings/`, and secrets in files only their owner can read.

Used by `leadloop init`, `leadloop sandbox` and `leadloop demo`. Nothing a person has edited is
ever overwritten: each file begins with a digest of the rest, and one whose digest does not fit
was edited. An edited mapping is kept as it is; an edited config is refused, since the addresses
in it would be stale without anyone noticing. Leadloop's own source tree is refused, too.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from mappings.errors import ConfigurationError
from sync.schema_files import schema_files

PRESET = "hubspot-salesforce"
OUTBOX_PRESET = "hubspot-outbox"
CONFIG = "config.yaml"
SECRETS = "secrets"

_MARK = "# leadloop: as written, digest "
_SECRET_KEYS = ("access_token", "client_secret")
_GO_LIVE = "# go_live: 2026-03-02T08:00:00Z"


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    text: str
    keep_edited: bool


def write_workspace(
    directory: Path,
    *,
    hubspot: Mapping[str, object],
    salesforce: Mapping[str, object],
    region: str | None = None,
    go_live: datetime | None = None,
    state_url: str = "sqlite:///leadloop.sqlite3",
) -> Path:
    """Write the workspace into `directory` (made if missing); the config's path.

    `hubspot` and `salesforce` hold connector settings and `account_id`; the names the sandbox
    announces (`url`, `token`, `portal_id`) are understood, what is None is left out. Secrets go
    to `secrets/`. Raises ConfigurationError `workspace.edited` or `workspace.source_tree`,
    before anything is written.
    """
    refuse_source_tree(directory)
    map_settings = _settings(
        hubspot, {"url": "base_url", "token": "access_token", "portal_id": "account_id"}
    )
    crm_settings = _settings(salesforce, {"organization_id": "account_id"})
    secrets = {
        f"{system}_{key}": values.pop(key)
        for system, values in (("hubspot", map_settings), ("salesforce", crm_settings))
        for key in _SECRET_KEYS
        if key in values
    }
    for name in secrets:
        system, _, key = name.partition("_")
        target = map_settings if system == "hubspot" else crm_settings
        target[f"{key}_file"] = f"{SECRETS}/{name}"
    config = render_config(map_settings, crm_settings, region=region, state_url=state_url)
    files = [
        _File(directory / CONFIG, config, keep_edited=False),
        _File(directory / "mappings" / f"{PRESET}.yaml", _preset(go_live), keep_edited=True),
    ]
    _refuse_edited(files)
    directory.mkdir(parents=True, exist_ok=True)
    _write_secrets(directory, secrets)
    write_schemas(directory)
    for file in files:
        if not (file.keep_edited and _is_edited(file.path)):
            file.path.parent.mkdir(exist_ok=True)
            _replace(file.path, _marked(file.text), 0o644)
    return directory / CONFIG


def render_config(
    hubspot: Mapping[str, str],
    salesforce: Mapping[str, str],
    *,
    region: str | None = None,
    state_url: str = "sqlite:///leadloop.sqlite3",
) -> str:
    """The text of a config with these settings, every other key commented with its default. A CRM
    side with a `file` is an outbox."""
    crm = "outbox" if "file" in salesforce else "salesforce"
    block = _OUTBOX if crm == "outbox" else _SALESFORCE
    return _TEMPLATE.format(
        hubspot=_lines(hubspot),
        crm=crm,
        crm_block=block.format(lines=_lines(salesforce)),
        region=f"region: {region}" if region else "# region: DE",
        state_url=_quoted(state_url),
    )


def example_config() -> str:
    """The text of `config.example.yaml`: what a person starts from."""
    return render_config(
        {"account_id": "8812345", "access_token": "${HUBSPOT_TOKEN}"},
        {
            "account_id": "00D000000000001AAA",
            "login_url": "https://example.my.salesforce.com",
            "client_id": "${SALESFORCE_CLIENT_ID}",
            "client_secret": "${SALESFORCE_CLIENT_SECRET}",
        },
    )


def preset_text(name: str = PRESET) -> str:
    """A mapping preset as shipped. Raises ConfigurationError when there is none of that name."""
    file = resources.files("mappings").joinpath("presets", f"{name}.yaml")
    if not file.is_file():
        raise ConfigurationError(
            f"There is no preset `{name}`.",
            code="workspace.unknown_preset",
            remedy=f"Use `{PRESET}` or `{OUTBOX_PRESET}`.",
        )
    return file.read_text("utf-8")


def write_schemas(directory: Path) -> None:
    """Write the JSON Schemas that the first lines of config and mapping name, for editors. They
    are Leadloop's own and follow its version, so that earlier ones are replaced.
    """
    for name, text in schema_files().items():
        _replace(directory / name, text, 0o644)


def refuse_source_tree(directory: Path) -> None:
    """Raise ConfigurationError when `directory` is Leadloop's own source, whose `mappings/` is
    code, or a package of any kind.
    """
    place = directory.absolute()
    is_source = (place / "mappings" / "__init__.py").exists()
    if is_source or (place / "__init__.py").exists() or (place.parent / "__init__.py").exists():
        raise ConfigurationError(
            f"{directory} is a source tree, not a place for a workspace.",
            code="workspace.source_tree",
            remedy="Name an empty directory elsewhere: `--dir PATH`.",
        )


def _settings(given: Mapping[str, object], names: Mapping[str, str]) -> dict[str, str]:
    return {
        names.get(key, key): str(value)
        for key, value in given.items()
        if value is not None and str(value)
    }


def _lines(settings: Mapping[str, str]) -> str:
    return "\n".join(f"    {key}: {_quoted(value)}" for key, value in settings.items())


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _preset(go_live: datetime | None) -> str:
    text = preset_text()
    if go_live is None:
        return text
    moment = go_live.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()
    return text.replace(_GO_LIVE, f"go_live: {moment}Z")


def _marked(text: str) -> str:
    return f"{_MARK}{_digest(text)}\n{text}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _is_edited(path: Path) -> bool:
    """Whether the file exists and is not as Leadloop wrote it."""
    try:
        first, _, rest = path.read_text("utf-8").partition("\n")
    except FileNotFoundError:
        return False
    except (OSError, UnicodeDecodeError):
        return True
    return first != f"{_MARK}{_digest(rest)}"


def _refuse_edited(files: list[_File]) -> None:
    edited = [file.path for file in files if not file.keep_edited and _is_edited(file.path)]
    if edited:
        raise ConfigurationError(
            f"{edited[0]} has been edited and is not overwritten.",
            code="workspace.edited",
            remedy="Name another directory, or move that file away.",
        )


def _write_secrets(directory: Path, secrets: Mapping[str, str]) -> None:
    if not secrets:
        return
    place = directory / SECRETS
    place.mkdir(mode=0o700, exist_ok=True)
    _replace(place / ".gitignore", "*\n", 0o600)
    for name, value in secrets.items():
        _replace(place / name, value + "\n", 0o600)


def _replace(path: Path, text: str, mode: int) -> None:
    """Write whole or not at all, with the mode from the first moment on."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


_SALESFORCE = """\
  salesforce:
    kind: salesforce
{lines}
    # leadloop_share: 0.8
    # username: integration@example.com          # instead of client_secret: log in by JWT,
    # private_key_file: secrets/salesforce.pem   # with the connected app's certificate
    # ca_file: ca.pem         # a certificate authority of your own
    # version: "62.0"
"""
_OUTBOX = """\
  outbox:
    kind: outbox              # a SQLite file that is shared with another program
{lines}
"""
_TEMPLATE = """\
# yaml-language-server: $schema=config.schema.json
# Leadloop configuration. Check it with `leadloop validate`, and the accounts with
# `leadloop doctor`.
# Secrets never stand here: name an environment variable as ${{NAME}}, or a file (key: NAME_file).
# Lines that begin with `# ` and a key show its default. Paths are relative to this file.

format: 1
# tenant: default

systems:
  hubspot:
    kind: hubspot
{hubspot}
    # leadloop_share: 0.8     # of the account's daily calls; the rest stays for people
    # base_url: https://api.hubapi.com
    # api: v3                 # or 2026-03, the dated paths
    # lists: [41]             # lists whose members a rule or condition knows as `list_41`
{crm_block}
# One MAP account with one CRM org each. `account_id` above is checked against the credentials at
# every start, so that a sandbox copy is never mistaken for production.
pairs:
  main:
    map: hubspot
    crm: {crm}
    mapping: mappings         # a file, or a directory of *.yaml files
    {region}     # ISO country of phone numbers written without a country code

state:
  url: {state_url}            # or postgresql://user@host/leadloop, or url: ${{STATE_URL}}

# schedule:
#   fast: 60                  # seconds: changed records, e-mail events, forms just filled
#   quarter: 900              # seconds: all forms
#   nightly: "02:00"          # UTC: archived records
#   hold_deletions: 900       # seconds: a deletion may be half of a merge; 0 acts at once

# matching:
#   link: 0.99                # probability at which two records are one person
#   review: 0.04              # down to here a person decides
#   retrain_days: 30          # the linkage model is learned anew; 0 never
#   retrain_change: 0.005     # share of decisions it may change without asking

# A run that would change more than this stops and asks (share of all records, and count).
# guard:
#   creates:  {{share: 0.10, count: 1000}}
#   updates:  {{share: 0.50, count: 10000}}
#   overwrites: {{share: 0.25, count: 2500}}   # records of which a value is replaced
#   clears:   {{share: 0.02, count: 500}}      # records of which a value becomes blank
#   activities: {{share: 1.00, count: 10000}}  # Tasks that log an event
#   deletes:  {{share: 0.02, count: 500}}      # linked records deleted at a vendor at once
#   merges:   {{share: 0.01, count: 100}}      # the same, merged
#   consent:  {{share: 0.01, count: 500}}
#   moves:    {{share: 0.10, count: 1000}}     # people who are shown at another stage
#   assignments: {{share: 0.05, count: 500}}   # people who are given to somebody in sales
#   notices:  {{share: 0.05, count: 500}}      # notices about handoffs
#   floor: 25                 # up to so many changes are always allowed
#   rejected_share: 0.05      # of a run's writes
#   rejected_streak: 100
#   dead_letters: 100         # so many open ones call a person

# notifications:              # Apprise addresses: who is called when a run stops
#   - ${{SLACK_WEBHOOK}}

# staff:                      # where each person in sales hears of their leads; else as above
#   address: ${{MAIL_TO_STAFF}}  # such as mailtos://user:password@host?to={{email}}

# reports:                    # who is sent the monthly report, by Apprise address
#   - to: ${{MAIL_TO_BOTH}}
#     for: both               # or marketing, sales

# console:
#   host: 127.0.0.1
#   port: 8900

# service:                    # `leadloop run` answers /livez, /readyz and /metrics here
#   host: 127.0.0.1
#   port: 8901

# retention:                  # what `leadloop prune`, and the daemon every night, keep
#   inbox_days: 30            # payloads of changes that are settled
#   dead_letter_days: 90      # dead letters that were replayed or discarded
#   before_image_days: 180    # how long a write can be undone
#   event_months: 25          # what is known of a marketing event beside its key

# log_level: info             # debug, info, warning, error
"""


def service_unit(directory: Path, program: Path) -> str:
    """A unit for systemd that runs the daemon on this workspace as the user who owns it
    (`systemctl --user`). How it is started and stopped is as in `deploy/leadloop.service`, which
    shuts the daemon in more tightly.
    """
    place = directory.absolute()
    return f"""\
# Leadloop's daemon, for `systemctl --user`. For a machine of its own see deploy/leadloop.service
# and docs/how-to/run-as-a-service.md.

[Unit]
Description=Leadloop: HubSpot and Salesforce in step
StartLimitIntervalSec=10min
StartLimitBurst=10

[Service]
Type=notify
NotifyAccess=main
WorkingDirectory={_escaped(place)}
ExecStart="{_in_quotes(program)}" --config "{_in_quotes(place / CONFIG)}" run
ExecReload=/bin/kill -HUP $MAINPID
EnvironmentFile=-{_escaped(place / "secrets.env")}
TimeoutStartSec=5min
TimeoutStopSec=20s
WatchdogSec=2min
Restart=on-failure
RestartSec=15s
RestartPreventExitStatus=2 3 9
UMask=0077
NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""


def _escaped(path: Path) -> str:
    """A path as systemd reads it outside quotes."""
    return str(path).replace("%", "%%")


def _in_quotes(path: Path) -> str:
    """A path as systemd reads it within double quotes of a command."""
    text = _escaped(path).replace("\\", "\\\\").replace('"', '\\"')
    return text.replace("$", "$$")
