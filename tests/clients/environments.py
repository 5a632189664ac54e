"""Environments of the foreign clients: made once from their locks, kept in `.venv-clients/`.

The taps are external programs under the AGPL: they live in environments of their own, are started
as processes and never imported. What cannot be made (no npm, no network) is a reason to skip, not
a failure: `Unavailable` says which.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".venv-clients"
_INSTALL_SECONDS = 600
_STAMP = ".lock-digest"


class UnavailableError(Exception):
    """A client that cannot be installed here; the text is the reason."""


@dataclass(frozen=True)
class Tap:
    """A tap's environment: its program, and the certificate bundle its requests read.

    `requests` looks at REQUESTS_CA_BUNDLE only where a session prepares the request itself; a
    prepared one, as tap-hubspot sends, is verified by certifi's bundle. So the sandbox's authority
    goes in there as well, in this environment alone.
    """

    program: Path
    bundle: Path

    def trust(self, authority: Path) -> None:
        """Have this environment trust one more authority, and none of an earlier sandbox."""
        original = self.bundle.with_suffix(".original")
        if not original.exists():
            shutil.copy(self.bundle, original)
        both = original.read_text(encoding="utf-8") + authority.read_text(encoding="utf-8")
        self.bundle.write_text(both, encoding="utf-8")


def tap(name: str) -> Tap:
    """The environment of a tap, made from `locks/NAME.txt` where it is missing or older."""
    lock = HERE / "locks" / f"{name}.txt"
    folder = CACHE / name
    python = folder / "bin" / "python"
    if not _is_current(folder, lock):
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        pip = (str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install")
        _run([*pip, "--quiet", "--require-hashes", "--requirement", str(lock)], CACHE)
        _stamp(folder, lock)
    found = sorted(folder.glob("lib/python*/site-packages/certifi/cacert.pem"))
    if not found:
        raise UnavailableError(f"{name}: its environment has no certificate bundle")
    return Tap(folder / "bin" / name, found[0])


def node_modules() -> Path:
    """The folder of the npm clients, installed from `node/package-lock.json`."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise UnavailableError("node and npm are not installed")
    lock = HERE / "node" / "package-lock.json"
    folder = CACHE / "node"
    if not _is_current(folder, lock):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "node" / name, folder)
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
        _stamp(folder, lock)
    # The scripts stand beside the modules, where Node looks for them.
    for script in (HERE / "node").glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


def _is_current(folder: Path, lock: Path) -> bool:
    stamp = folder / _STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == _digest(lock)


def _stamp(folder: Path, lock: Path) -> None:
    (folder / _STAMP).write_text(_digest(lock), encoding="utf-8")


def _digest(lock: Path) -> str:
    text = lock.read_bytes() + sys.version.encode()
    return hashlib.sha256(text).hexdigest()


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "NPM_CONFIG_UPDATE_NOTIFIER": "false"},
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        raise UnavailableError(f"{' '.join(command[:2])} failed: {done.stderr.strip()[-400:]}")
