"""config.yaml: found, read, checked in one pass, and silent about secrets."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from mappings.errors import ConfigurationError, Problem
from sync.config import Config, Limit, load_config
from sync.config_layers import find_config
from sync.workspace import example_config, preset_text

ROOT = Path(__file__).parents[2]
SECRET = "pat-na1-0f0f0f"
ENVIRON = {
    "HUBSPOT_TOKEN": SECRET,
    "SALESFORCE_CLIENT_ID": "consumer-key",
    "SALESFORCE_CLIENT_SECRET": "consumer-5ecret",
}

CONFIG = """\
format: 1
tenant: acme
systems:
  hubspot:
    kind: hubspot
    account_id: "8812345"
    access_token: ${HUBSPOT_TOKEN}
    leadloop_share: 0.5
  salesforce:
    kind: salesforce
    account_id: 00D000000000001AAA
    login_url: https://example.my.salesforce.com
    client_id: ${SALESFORCE_CLIENT_ID}
    client_secret: ${SALESFORCE_CLIENT_SECRET}
pairs:
  main:
    map: hubspot
    crm: salesforce
    mapping: mappings
    region: de
state:
  url: sqlite:///leadloop.sqlite3
schedule:
  fast: 30
  nightly: "03:15"
matching:
  link: 0.98
  review: 0.2
guard:
  creates: {share: 0.2, count: 50}
notifications:
  - slack://${HUBSPOT_TOKEN}
console:
  port: 9000
log_level: warning
"""


def workspace(directory: Path, text: str = CONFIG) -> Path:
    """A workspace with this config and the preset; the config's path."""
    (directory / "mappings").mkdir(exist_ok=True)
    (directory / "mappings" / "people.yaml").write_text(preset_text(), encoding="utf-8")
    path = directory / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems_of(path: Path, environ: dict[str, str] | None = None) -> tuple[Problem, ...]:
    """What is wrong with a config."""
    try:
        load_config(path, environ=ENVIRON if environ is None else environ)
    except ConfigurationError as error:
        return error.problems
    return ()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The config above, loaded."""
    return load_config(workspace(tmp_path), environ=ENVIRON)


def test_everything_said_is_read(config: Config, tmp_path: Path) -> None:
    """Systems, pairs, limits and times come out as written, credentials resolved."""
    (pair,) = config.pairs
    assert (config.tenant, pair.name, pair.region) == ("acme", "main", "DE")
    assert pair.map_system.settings == {"access_token": SECRET}
    assert pair.map_system.leadloop_share == 0.5
    assert pair.crm_system.account_id == "00D000000000001AAA"
    assert pair.crm_system.settings["client_secret"] == "consumer-5ecret"
    assert pair.mapping.object("people").create_crm == "Lead"
    assert config.state_url == f"sqlite:///{tmp_path}/leadloop.sqlite3"
    assert (config.schedule.fast, config.schedule.quarter) == (30.0, 900.0)
    assert (config.schedule.nightly_hour, config.schedule.nightly_minute) == (3, 15)
    assert (config.matching.link, config.matching.review) == (0.98, 0.2)
    assert config.guard.creates == Limit(0.2, 50)
    assert config.guard.clears == Limit(0.02, 500)
    assert (config.console.host, config.console.port) == ("127.0.0.1", 9000)
    assert config.log_level == "warning"
    assert config.pair("main") is pair


def test_salespeople_have_addresses_of_their_own(tmp_path: Path) -> None:
    """One for everybody with their e-mail address in it, and single people's, whatever the case;
    one that says nobody's is refused at its line."""
    text = CONFIG + (
        "staff:\n  address: 'mailtos://u:${HUBSPOT_TOKEN}@host?to={email}'\n"
        "  people: {Dana@example.com: 'slack://x/y'}\n"
    )
    staff = load_config(workspace(tmp_path, text), environ=ENVIRON).staff
    assert staff.address_of("dana@Example.com") == "slack://x/y"
    assert staff.address_of("a+b@example.com") == f"mailtos://u:{SECRET}@host?to=a%2Bb@example.com"
    assert staff.address_of("") is None
    assert SECRET not in repr(staff)
    [fault] = problems_of(workspace(tmp_path, text.replace("?to={email}", "")))
    assert (fault.code, fault.at.line) == (
        "config.address",
        text[: text.index("  address:")].count("\n") + 1,
    )


def test_a_short_config_is_filled_with_defaults(tmp_path: Path) -> None:
    """Systems and a pair are enough."""
    text = CONFIG[: CONFIG.index("    mapping: mappings")].replace("tenant: acme\n", "")
    config = load_config(workspace(tmp_path, text), environ=ENVIRON)
    assert config.tenant == "default"
    assert config.state_url.endswith("/leadloop.sqlite3")
    assert config.schedule.fast == 60
    assert config.matching.link == 0.99


def test_the_example_is_valid_and_up_to_date(tmp_path: Path) -> None:
    """config.example.yaml loads beside the preset, and is what the workspace writer writes."""
    text = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    assert text == example_config()
    assert problems_of(workspace(tmp_path, text)) == ()


def test_every_key_of_the_example_is_understood(tmp_path: Path) -> None:
    """The commented defaults of the example are themselves valid, and are the defaults."""
    lines = example_config().splitlines()
    keys = ("schedule", "matching", "guard", "console", "log_level", "tenant")
    shown: list[str] = []
    active = False
    for line in lines:
        if line.startswith("# ") and line[2:].split(":")[0] in keys:
            active = True
        elif not line.startswith("#   "):
            active = False
        shown.append(line[2:] if active else line)
    config = load_config(workspace(tmp_path, "\n".join(shown)), environ=ENVIRON)
    plain = load_config(workspace(tmp_path, example_config()), environ=ENVIRON)
    for part in ("schedule", "matching", "guard", "console", "log_level", "tenant", "hash"):
        assert getattr(config, part) == getattr(plain, part)


@dataclass(frozen=True)
class Fault:
    """One mistake: what is replaced by what, the line that must be named, its code."""

    old: str
    new: str
    on: str
    code: str
    says: str = ""


FAULTS = {
    "unknown key": Fault("tenant:", "tenent:", "tenent", "config.unknown_key", "tenant"),
    "unknown system key": Fault("login_url", "login_uri", "login_uri", "config.unknown_key",
                                "login_url"),
    "key of the other vendor": Fault("leadloop_share: 0.5", "username: x", "username: x",
                                     "config.unknown_key", "access_token"),
    "unknown kind": Fault("kind: hubspot", "kind: hubspott", "kind: hubspott",
                          "config.unknown_value", "hubspot"),
    "missing kind": Fault("    kind: hubspot\n", "", '    account_id: "88', "config.missing_key",
                          "hubspot"),
    "missing token": Fault("    access_token: ${HUBSPOT_TOKEN}\n", "", "    kind: hubspot",
                           "config.missing_key", "access_token"),
    "half of an OAuth app": Fault("access_token: ${HUBSPOT_TOKEN}",
                                  "refresh_token: ${HUBSPOT_TOKEN}", "    kind: hubspot",
                                  "config.missing_key", "OAuth app"),
    "missing login": Fault("    login_url: https://example.my.salesforce.com\n", "",
                           "    kind: salesforce", "config.missing_key", "My Domain"),
    "missing client secret": Fault("    client_secret: ${SALESFORCE_CLIENT_SECRET}\n", "",
                                   "    kind: salesforce", "config.missing_key", "JWT"),
    "missing pairs": Fault("pairs:\n  main:\n    map: hubspot\n    crm: salesforce\n"
                           "    mapping: mappings\n    region: de\n", "", "format: 1",
                           "config.missing_key", "pair"),
    "unset variable": Fault("${HUBSPOT_TOKEN}\n    lead", "${HUBSPOT_TOKN}\n    lead",
                            "access_token", "config.missing_variable", "export HUBSPOT_TOKN"),
    "literal secret": Fault("access_token: ${HUBSPOT_TOKEN}", f"access_token: {SECRET}",
                            "access_token", "config.literal_secret", "access_token_file"),
    "missing secret file": Fault("access_token: ${HUBSPOT_TOKEN}", "access_token_file: none",
                                 "access_token_file", "config.missing_secret", "path"),
    "secret given twice": Fault("access_token: ${HUBSPOT_TOKEN}",
                                "access_token: ${HUBSPOT_TOKEN}\n    access_token_file: x",
                                "access_token_file", "config.duplicate_key", "one"),
    "missing certificate": Fault("    client_id:", "    ca_file: no.pem\n    client_id:",
                                 "ca_file", "config.missing_file", "path"),
    "share above one": Fault("leadloop_share: 0.5", "leadloop_share: 50", "leadloop_share",
                             "config.out_of_range", "between"),
    "unknown system": Fault("map: hubspot", "map: hubspt", "map: hubspt", "config.unknown_system",
                            "hubspot"),
    "system on the wrong side": Fault("crm: salesforce", "crm: hubspot", "crm: hubspot",
                                      "config.unknown_system", "salesforce"),
    "missing mapping": Fault("mapping: mappings", "mapping: mapings", "mapping: mapings",
                             "config.missing_mapping", "init"),
    "unknown region": Fault("region: de", "region: deutschland", "region", "config.unknown_value",
                            "DE"),
    "odd state": Fault("sqlite:///leadloop.sqlite3", "leadloop.sqlite3", "  url:",
                       "config.state_url", "sqlite:///"),
    "schedule in words": Fault("fast: 30", "fast: often", "fast: often", "config.wrong_type",
                               "seconds"),
    "schedule too fast": Fault("fast: 30", "fast: 1", "fast: 1", "config.out_of_range", "5"),
    "no time of day": Fault('"03:15"', '"25:00"', "nightly", "config.wrong_type", "02:00"),
    "review above link": Fault("review: 0.2", "review: 0.99", "review", "config.out_of_range",
                               "lower"),
    "unknown limit": Fault("creates: {share: 0.2, count: 50}", "create: {share: 0.2}", "create:",
                           "config.unknown_key", "creates"),
    "limit in words": Fault("count: 50", "count: few", "creates", "config.wrong_type", "number"),
    "unknown log level": Fault("log_level: warning", "log_level: warn", "log_level",
                               "config.unknown_value", "warning"),
    "broken YAML": Fault("tenant: acme", "tenant: [acme", "tenant: [acme", "config.syntax",
                         "Close it"),
    "future format": Fault("format: 1", "format: 2", "format: 2", "config.format", "format: 1"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_reported_on_its_line(fault: Fault, tmp_path: Path) -> None:
    """Each seeded fault yields its code on its line, with a fix that helps."""
    assert fault.old in CONFIG
    text = CONFIG.replace(fault.old, fault.new, 1)
    line = text[: text.index(fault.on)].count("\n") + 1
    problems = problems_of(workspace(tmp_path, text))
    found = [p for p in problems if p.code == fault.code and p.at.line in {line, line + 1}]
    assert found, [(str(p.at), p.code, p.message) for p in problems]
    assert fault.says.lower() in f"{found[0].message} {found[0].fix}".lower()


def test_faults_of_config_and_mapping_come_together(tmp_path: Path) -> None:
    """One pass names what is wrong in both files."""
    path = workspace(tmp_path, CONFIG.replace("tenant:", "tenent:"))
    mapping = tmp_path / "mappings" / "people.yaml"
    mapping.write_text(preset_text().replace("owner: map", "owner: us", 1), encoding="utf-8")
    files = {problem.at.file for problem in problems_of(path)}
    assert files == {"config.yaml", "mappings/people.yaml"}


def test_an_unreadable_mapping_does_not_hide_faults_of_the_config(tmp_path: Path) -> None:
    """Broken YAML in a mapping is one problem among the others."""
    path = workspace(tmp_path, CONFIG.replace("tenant:", "tenent:"))
    (tmp_path / "mappings" / "people.yaml").write_text("a: [", encoding="utf-8")
    assert {p.code for p in problems_of(path)} == {"config.unknown_key", "config.syntax"}


def test_secrets_are_in_no_repr_and_no_message(tmp_path: Path) -> None:
    """Neither the loaded config nor any error about it shows a secret."""
    config = load_config(workspace(tmp_path), environ=ENVIRON)
    shown = repr(config) + str(config.pairs[0].map_system)
    for fault in FAULTS.values():
        text = CONFIG.replace(fault.old, fault.new, 1)
        text = text.replace("${SALESFORCE_CLIENT_SECRET}", "consumer-5ecret")
        shown += "".join(
            f"{p.message}{p.fix}{p.excerpt}" for p in problems_of(workspace(tmp_path, text))
        )
    assert SECRET not in shown
    assert "consumer-5ecret" not in shown


def test_no_damage_to_a_config_causes_a_traceback(tmp_path: Path) -> None:
    """Cut, doubled and sprinkled, a config loads or fails as ConfigurationError, secrets kept."""
    draw = random.Random(11)
    path = workspace(tmp_path)
    damaged = CONFIG.replace("${SALESFORCE_CLIENT_SECRET}", "consumer-5ecret")
    for _ in range(150):
        text = damaged
        for _ in range(draw.randint(1, 4)):
            start = draw.randrange(len(text))
            junk = "".join(draw.choice("{}[]:,&*!|>'\"%$#-? \n\tab0~") for _ in range(3))
            text = text[:start] + draw.choice(["", junk]) + text[start + draw.randint(0, 12) :]
        path.write_text(text, encoding="utf-8")
        shown = "".join(f"{p.message}{p.fix}" for p in problems_of(path))
        assert SECRET not in shown


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    """`*_file` is read relative to the config, blank lines cut; an empty one is a fault."""
    text = CONFIG.replace("access_token: ${HUBSPOT_TOKEN}", "access_token_file: token")
    (tmp_path / "token").write_text(f"{SECRET}\n")
    config = load_config(workspace(tmp_path, text), environ=ENVIRON)
    assert config.pairs[0].map_system.settings["access_token"] == SECRET
    (tmp_path / "token").write_text("\n")
    assert [p.code for p in problems_of(tmp_path / "config.yaml")] == ["config.missing_secret"]


def test_the_digest_knows_meaning_and_no_secrets(tmp_path: Path) -> None:
    """Another token or address is the same config; another limit or mapping is not."""
    plain = load_config(workspace(tmp_path), environ=ENVIRON).hash
    other = ENVIRON | {"HUBSPOT_TOKEN": "pat-other"}
    assert load_config(workspace(tmp_path), environ=other).hash == plain
    text = CONFIG.replace("count: 50", "count: 51")
    assert load_config(workspace(tmp_path, text), environ=ENVIRON).hash != plain
    path = workspace(tmp_path)
    mapping = tmp_path / "mappings" / "people.yaml"
    mapping.write_text(preset_text().replace("owner: map", "owner: crm", 1), encoding="utf-8")
    assert load_config(path, environ=ENVIRON).hash != plain


def test_the_config_is_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As named, else the environment's, else ./config.yaml; a directory means its config.yaml."""
    here, there = tmp_path / "here", tmp_path / "there"
    for place in (here, there):
        place.mkdir()
        workspace(place)
    monkeypatch.chdir(here)
    named = {"LEADLOOP_CONFIG": str(there / "config.yaml")}
    assert find_config(environ={}) == here / "config.yaml"
    assert find_config(environ=named) == there / "config.yaml"
    assert find_config(here, environ=named) == here / "config.yaml"


def test_no_config_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file the error ends with exit code 3 and names `leadloop init`."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        load_config(environ={})
    assert caught.value.exit_code == 3
    assert caught.value.code == "config.missing"
    assert "leadloop init" in caught.value.remedy


@pytest.mark.parametrize(
    ("number", "population", "exceeded"),
    [(25, 25, False), (26, 100, True), (26, 10_000, False), (51, 10_000, True), (0, 0, False)],
)
def test_a_limit_stops_at_share_or_count(number: int, population: int, exceeded: bool) -> None:
    """Beyond the floor, either the share or the count is enough to stop."""
    assert Limit(0.1, 50).is_exceeded(number, population, floor=25) is exceeded
