"""What `config.yaml` is put together of: the files it includes, itself, and the chosen profile.

Each lies over the one before: keys of a mapping are joined at every depth, anything else is
replaced whole. Every value keeps its place, so that an error names the file and line it stands in.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mappings.errors import ConfigurationError
from mappings.positions import Entry, Faults, Node, is_there, read_document, suggest
from mappings.sections import Section

DEFAULT_NAME = "config.yaml"
ENVIRONMENT = "LEADLOOP_CONFIG"
PROFILE_ENVIRONMENT = "LEADLOOP_PROFILE"
LAYER_KEYS = ("include", "profiles")
"""Keys of config.yaml alone that say what lies over what."""


def find_config(path: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Path:
    """Where the config is: as given, else $LEADLOOP_CONFIG, else ./config.yaml.

    Raises ConfigurationError when there is no file.
    """
    named = (environ if environ is not None else os.environ).get(ENVIRONMENT)
    found = path or (Path(named) if named else Path(DEFAULT_NAME))
    if found.is_dir():
        found = found / DEFAULT_NAME
    if found.is_file():
        return found.absolute()
    origin = f" (from ${ENVIRONMENT})" if path is None and named else ""
    raise ConfigurationError(
        f"There is no configuration at {found}{origin}.",
        code="config.missing",
        remedy="Run `leadloop init` to write one, or name it: `--config PATH`.",
    )


def layered(file: Path, faults: Faults, keys: tuple[str, ...], profile: str | None) -> Node:
    """The document of config.yaml with its layers joined: `keys` alone, what is none of them being
    recorded as a fault here.

    Paths of included files count from config.yaml's directory; an included file includes no
    others. A file that cannot be read raises ConfigurationError.
    """
    root = read_document(file, faults, name=file.name)
    if not isinstance(root.value, dict):
        return root  # whoever takes it for the configuration says so
    top = Section(root, faults, "the configuration", (*keys, *LAYER_KEYS))
    base = Node(root.at, {})
    for name, at in top.names("include"):
        path = file.parent / name
        if not is_there(path) or not path.is_file():
            faults.add(
                at, f"There is no file `{name}` to include.",
                "Correct the path; it counts from the directory of config.yaml.",
                code="config.missing_file",
            )  # fmt: skip
            continue
        if path.resolve() == file.resolve():
            faults.add(
                at, f"`{name}` includes itself.", "Name another file, or remove the line.",
                code="config.missing_file",
            )  # fmt: skip
            continue
        part = read_document(path, faults, name=name)
        Section(part, faults, "an included file", keys)
        base = overlaid(base, _only(part, keys))
    own = _only(_profile(top, faults, keys, profile), keys)
    return overlaid(overlaid(base, _only(root, keys)), own)


def included(file: Path) -> list[Path]:
    """The files config.yaml includes, as far as it can be read."""
    faults = Faults()
    try:
        root = read_document(file, faults, name=file.name)
    except ConfigurationError:
        return []
    keys = root.value.keys() if isinstance(root.value, dict) else ()
    top = Section(root, faults, "the configuration", keys)
    return [file.parent / name for name, _ in top.names("include")]


def overlaid(under: Node, over: Node) -> Node:
    """The second node laid over the first: mappings are joined, all else is replaced."""
    if not isinstance(under.value, dict) or not isinstance(over.value, dict):
        return over
    joined: dict[str, Entry] = dict(under.value)
    for key, entry in over.value.items():
        below = joined.get(key)
        joined[key] = Entry(entry.at, overlaid(below.node, entry.node)) if below else entry
    return replace(over, value=joined)


def _only(node: Node, keys: tuple[str, ...]) -> Node:
    entries = node.value if isinstance(node.value, dict) else {}
    return replace(node, value={key: entry for key, entry in entries.items() if key in keys})


def _profile(top: Section, faults: Faults, keys: tuple[str, ...], wanted: str | None) -> Node:
    """The keys of the chosen profile; all profiles' keys are checked, chosen or not."""
    own = tuple(key for key in keys if key != "format")
    profiles = {name: node for name, _, node in top.entries("profiles")}
    for name, node in profiles.items():
        Section(node, faults, f"the profile `{name}`", own)
    nothing = Node(top.at, {})
    if wanted is None:
        return nothing
    if wanted not in profiles:
        faults.add(
            top.place("profiles"), f"There is no profile `{wanted}`.",
            suggest(wanted, profiles, "Add it under `profiles`, or leave out `--profile`.")
            if profiles else f"Add it under `profiles`, or leave out `--profile {wanted}`.",
            code="config.unknown_profile",
        )  # fmt: skip
    return profiles.get(wanted, nothing)
