"""People somebody else has put there: an empty sandbox is filled through the vendors' public APIs,
`leadloop sync` is killed at random, people edit and fill in forms meanwhile, and in the end both
sides are read through the public APIs and compared with each other and with what was done.

Nothing of Leadloop is asked what it thinks: neither its state nor its connectors. Each field of a
person is edited on one side only, so that what must stand in the end is beyond dispute.
"""

from __future__ import annotations

import json
import random
import signal
import ssl
import subprocess
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from sandbox.process import SandboxProcess
from tests.sync.commands import Workspace, admin, running_sandbox, workspace_for, writes

VERSION = "v61.0"
GIVEN = ("Ana", "Bjørn", "Chloé", "Dmitri", "Eóin", "Fatma", "Gül", "Hanna", "Ines", "József")
FAMILY = ("O'Neill", "Łukasz", "de la Cruz", "Müller", "Nakamura", "Öztürk", "Smith", "Smith-Jones")
FIELDS: Mapping[str, tuple[str, str]] = {
    "title": ("jobtitle", "Title"),
    "phone": ("phone", "Phone"),
    "given": ("firstname", "FirstName"),
    "family": ("lastname", "LastName"),
}
"""What is compared: HubSpot's name and Salesforce's. In the shipped mapping the MAP owns the title,
the CRM everything else; all go both ways."""
OWNERS = {"title": "map", "phone": "crm", "given": "crm", "family": "crm"}
EARLIEST, LATEST = 0.6, 5.0
"""Seconds into a process at which it is killed."""
MOST_KILLS = 40
TRIES = 8
ASKED = 9
"""The exit code of a run that waits for a person's word."""


@dataclass(slots=True)
class Person:
    """Somebody, where they are, and the values that must stand on both sides in the end."""

    email: str
    map_id: str | None = None
    crm: tuple[str, str] | None = None
    wanted: dict[str, str] = field(default_factory=dict)
    edited_on: dict[str, str] = field(default_factory=dict)
    fills: int = 0


@dataclass(slots=True)
class Account:
    """Both vendors as anybody reaches them: HTTP, their public paths, the account's credentials."""

    info: Mapping[str, Any]
    _session: str | None = None

    def hubspot(self, method: str, path: str, body: Any = None) -> Any:
        """A call to HubSpot."""
        settings = self.info["hubspot"]
        return _call(method, settings["url"] + path, body, str(settings["token"]), None)

    def salesforce(self, method: str, path: str, body: Any = None) -> Any:
        """A call to Salesforce, below its data path."""
        url = str(self.info["salesforce"]["login_url"])
        if self._session is None:
            self._session = self._log_in(url)
        whole = f"{url}/services/data/{VERSION}{path}"
        return _call(method, whole, body, self._session, self._trust())

    def query(self, soql: str) -> list[dict[str, Any]]:
        """Every row of a query."""
        found: list[dict[str, Any]] = []
        path = "/query?" + urllib.parse.urlencode({"q": soql})
        while True:
            answer = self.salesforce("GET", path)
            found += answer["records"]
            if answer["done"]:
                return found
            path = "/query/" + answer["nextRecordsUrl"].rsplit("/", 1)[1]

    def people(self, *names: str) -> list[dict[str, Any]]:
        """Every Lead and Contact, with their addresses and these fields."""
        fields = ", ".join(["Id", "Email", *names])
        return [
            row
            for name in ("Lead", "Contact")
            for row in self.query(f"SELECT {fields} FROM {name}")  # noqa: S608 - our own words
        ]

    def contacts(self) -> list[dict[str, Any]]:
        """Every contact's properties, its id among them."""
        names = ",".join(["email", *(map_name for map_name, _ in FIELDS.values())])
        found, after = [], ""
        while True:
            page = self.hubspot(
                "GET", f"/crm/v3/objects/contacts?limit=100&properties={names}{after}"
            )
            found += [{"id": row["id"], **row["properties"]} for row in page["results"]]
            following = page.get("paging", {}).get("next", {}).get("after")
            if following is None:
                return found
            after = f"&after={following}"

    def _log_in(self, url: str) -> str:
        settings = self.info["salesforce"]
        form = {"grant_type": "client_credentials", "client_id": settings["client_id"]}
        form["client_secret"] = settings["client_secret"]
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{url}/services/oauth2/token", data=urllib.parse.urlencode(form).encode()
        )
        with urllib.request.urlopen(request, context=self._trust()) as answer:  # noqa: S310
            return str(json.load(answer)["access_token"])

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.info["salesforce"]["ca_file"]))


def _call(method: str, url: str, body: Any, token: str, trust: ssl.SSLContext | None) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, context=trust, timeout=60) as answer:  # noqa: S310
        text = answer.read()
    return json.loads(text) if text else None


@dataclass(slots=True)
class Found:
    """What was done, and what differs in the end, in words that name the person by number."""

    killed: int = 0
    ended: Counter[int] = field(default_factory=Counter)
    people: int = 0
    edits: int = 0
    fills: int = 0
    wrong: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The figures, JSON-able."""
        return {
            "people": self.people,
            "processes_killed": self.killed,
            "processes_ended": {str(code): n for code, n in sorted(self.ended.items())},
            "edits": self.edits,
            "form_fills": self.fills,
            "laws_broken": len(self.wrong),
            "first_broken": self.wrong[:5],
        }


def strangers(folder: Path, *, people: int, rounds: int, seed: int) -> Found:
    """One campaign; see the module."""
    rng, found = random.Random(seed), Found()
    with running_sandbox(folder / "sandbox", people=None) as sandbox:
        account = Account(sandbox.info)
        crowd = [_somebody(account, rng, number) for number in range(people)]
        form = _form(account)
        workspace = workspace_for(sandbox, folder / "workspace")
        assert workspace.here("doctor", "--fix").code == 0
        _connect(workspace, rng, found)
        for _ in range(rounds):
            _live(account, form, rng, crowd[:people], found)
            crowd.append(_somebody(account, rng, len(crowd)))
            _work(workspace, rng, found, "sync")
            admin(sandbox.admin_url, "POST", "/clock", {"seconds": 120})
        _come_to_rest(sandbox, workspace, found)
        found.people = len(crowd)
        found.wrong += [*_differences(account, crowd), *_fills(account, crowd)]
    return found


def _somebody(account: Account, rng: random.Random, number: int) -> Person:
    """A person in one of the systems or in both, whose values may differ there."""
    given, family = rng.choice(GIVEN), f"{rng.choice(FAMILY)} {_word(rng)}"  # no two alike
    person = Person(f"p{number}.{rng.randrange(10_000)}@firm{number}.example")
    values = {"title": f"Job {rng.randrange(9)}", "phone": f"+49 30 {rng.randrange(10**6, 10**7)}"}
    own = {"given": given, "family": family, **values}
    in_crm, in_map = rng.choice([(False, True), (True, True), (True, True), (True, False)])
    if in_map:
        there = {name: own[name] for name in own if name != "phone" or rng.random() < 0.7}
        properties = {FIELDS[name][0]: value for name, value in there.items()}
        body = {"properties": {**properties, "email": person.email}}
        person.map_id = account.hubspot("POST", "/crm/v3/objects/contacts", body)["id"]
        person.wanted.update(there)
    if in_crm:
        _put_into_crm(account, rng, person, own)
    return person


def _word(rng: random.Random) -> str:
    return "".join(rng.choices(ascii_lowercase, k=9)).title()


def _put_into_crm(
    account: Account, rng: random.Random, person: Person, own: Mapping[str, str]
) -> None:
    name = rng.choice(["Lead", "Lead", "Contact"])
    there = {key: value for key, value in own.items() if key != "title" or rng.random() < 0.7}
    if rng.random() < 0.3:
        there["title"] = "Another job"
    if rng.random() < 0.3:
        there["phone"] = f"+49 40 {rng.randrange(10**6, 10**7)}"
    fields = {FIELDS[key][1]: value for key, value in there.items()}
    fields["Email"] = person.email.upper() if rng.random() < 0.3 else person.email
    if name == "Lead":
        fields["Company"] = f"Firm {person.email.partition('@')[2]}"
    person.crm = (name, account.salesforce("POST", f"/sobjects/{name}", fields)["id"])
    if person.map_id is None:
        person.wanted.update(there)
        return
    for key, value in there.items():  # met with two values, the owner's stands
        if key not in person.wanted or OWNERS[key] == "crm":
            person.wanted[key] = value


def _form(account: Account) -> str:
    body = {"name": "Ask us", "fieldGroups": [{"fields": [{"name": "email"}]}]}
    return str(account.hubspot("POST", "/marketing/v3/forms", body)["id"])


def _connect(workspace: Workspace, rng: random.Random, found: Found) -> None:
    """The first run, of an approved plan, killed again and again; what is left is approved anew."""
    plan = str(workspace.directory / "plan.json")
    for kill in (True, True, True, False):
        assert workspace.here("plan", "--out", plan).code == 0
        if kill:
            _work(workspace, rng, found, "sync", "--plan", plan)
        else:
            assert workspace.here("sync", "--plan", plan).code == 0


def _live(
    account: Account, form: str, rng: random.Random, crowd: Sequence[Person], found: Found
) -> None:
    """Some people's fields are edited, each always on one side; some fill in the form. All of them
    were there at first: before two records are known to be one person's, an edit of one is half of
    a first meeting."""
    portal = account.info["hubspot"]["portal_id"]
    for person in rng.sample(list(crowd), max(1, len(crowd) // 5)):
        if person.map_id is None:
            continue
        key = rng.choice(["title", "phone", "given"])
        sides = ["map", "crm"] if person.crm else ["map"]
        side = person.edited_on.setdefault(key, rng.choice(sides))
        value = f"{key} {rng.randrange(10**6)}"
        if side == "map":
            body = {"properties": {FIELDS[key][0]: value}}
            account.hubspot("PATCH", f"/crm/v3/objects/contacts/{person.map_id}", body)
        elif person.crm is not None:
            name, record_id = person.crm
            path = f"/sobjects/{name}/{record_id}"
            account.salesforce("PATCH", path, {FIELDS[key][1]: value})
        person.wanted[key] = value
        found.edits += 1
        if rng.random() < 0.5:
            answers = [{"objectTypeId": "0-1", "name": "email", "value": person.email}]
            account.hubspot(
                "POST", f"/submissions/v3/integration/submit/{portal}/{form}", {"fields": answers}
            )
            person.fills += 1
            found.fills += 1


def _work(workspace: Workspace, rng: random.Random, found: Found, *words: str) -> None:
    """One process, killed at a random moment if it has not ended by then."""
    process = workspace.start(*words, "--json")
    try:
        process.communicate(timeout=rng.uniform(EARLIEST, LATEST))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        found.killed += 1
    else:
        found.ended[process.returncode] += 1


def _come_to_rest(sandbox: SandboxProcess, workspace: Workspace, found: Found) -> None:
    """Runs until one has nothing left to write; that must come soon. Where what killed runs have
    left is more than the guard lets through unseen, somebody looks at it and says yes."""
    admin(sandbox.admin_url, "POST", "/clock", {"seconds": 3600})
    for _ in range(TRIES):
        admin(sandbox.admin_url, "DELETE", "/calls")
        ran = workspace.here("sync", "--json")
        left = writes(sandbox.admin_url)
        if ran.code == 0 and not left:
            return
        if ran.code == ASKED:
            workspace.here("sync", "--approve", ran.data["runs"][0]["run_id"])
    found.wrong.append(f"it never comes to rest: exit {ran.code}, {left}")


def _differences(account: Account, crowd: Sequence[Person]) -> Iterator[str]:
    """Anybody lost, doubled, or with another value than must stand there."""
    in_map: dict[str, list[dict[str, Any]]] = {}
    for contact in account.contacts():
        in_map.setdefault(str(contact["email"]).lower(), []).append(contact)
    in_crm: dict[str, list[dict[str, Any]]] = {}
    for record in account.people(*(crm for _, crm in FIELDS.values())):
        in_crm.setdefault(str(record["Email"]).lower(), []).append(record)
    known = {person.email for person in crowd}
    yield from (f"{what} nobody has put there" for what in {*in_map, *in_crm} - known)
    for number, person in enumerate(crowd):
        left, right = in_map.get(person.email, []), in_crm.get(person.email, [])
        expected = (1 if person.map_id else 0, 1)
        if (len(left), len(right)) != expected:
            yield f"person {number}: {len(left)} contacts and {len(right)} CRM records"
            continue
        for key, (map_name, crm_name) in FIELDS.items():
            shown = {str(record[map_name] or "") for record in left}
            shown |= {str(record[crm_name] or "") for record in right}
            if shown != {person.wanted.get(key, "")}:
                yield f"person {number}: {key} differs, or is not what was typed last"


def _fills(account: Account, crowd: Sequence[Person]) -> Iterator[str]:
    """Anybody with another number of completed Tasks than of form fills."""
    tasks = Counter(str(row["WhoId"])[:15] for row in account.query("SELECT WhoId FROM Task"))
    ids: dict[str, str] = {}
    for row in account.people():
        ids[str(row["Email"]).lower()] = str(row["Id"])[:15]
    for number, person in enumerate(crowd):
        logged = tasks[ids.get(person.email, "?")]
        if logged != person.fills:
            yield f"person {number}: {person.fills} form fills, {logged} Tasks"
