"""What every command is given: the global options, the configuration, the state; and how a
command ends when something goes wrong.

`session_of(ctx)` is how a command gets it. Everything heavy is imported when it is first needed.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mappings.errors import ConfigurationError, LeadloopError, StateError
from sync.cli import output

if TYPE_CHECKING:
    import typer

    from state.store import Store
    from sync.config import Config, Describe, PairConfig

LITTLE = 65_536
"""Bytes: with less than this free, a state that cannot be written is out of space."""
COMMAND = re.compile(r"\bleadloop (?=[a-z])")
"""Where a text names a command of ours."""
LEVELS = ("debug", "info", "warning", "error")


@dataclass(slots=True)
class Session:
    """One invocation of the command line."""

    json_errors: bool = False
    config_path: Path | None = None
    config_given: bool = False
    log_level: str | None = None
    no_input: bool = False
    profile: str | None = None

    def set_up(
        self,
        *,
        config: Path | None,
        log_level: str | None,
        no_input: bool,
        profile: str | None = None,
        config_given: bool = False,
    ) -> None:
        """Take the global options. `config_given` says that the path came as `--config`, not from
        the environment. Raises LeadloopError (exit 2) for an unknown log level.
        """
        self.config_path, self.no_input, self.config_given = config, no_input, config_given
        self.profile = profile
        if log_level is not None and log_level.lower() not in LEVELS:
            raise UsageFault(
                f"there is no log level `{output.shown(log_level)}`",
                remedy=f"Use one of {', '.join(LEVELS)}.",
            )
        self.log_level = log_level.lower() if log_level else None

    def config(
        self,
        *,
        daemon: bool = False,
        describe: Describe | None = None,
        every_profile: bool = False,
    ) -> Config:
        """The configuration, with logging set up. Raises ConfigurationError.

        A daemon logs as config.yaml says; other commands print what matters themselves and log
        errors alone, unless `--log-level` asks for more. The others as in `load_config`.
        """
        from sync import logs
        from sync.config import load_config

        logs.configure(self.log_level or "error")
        config = load_config(
            self.config_path,
            profile=self.profile,
            describe=describe,
            every_profile=every_profile,
        )
        if daemon:
            logs.configure(self.log_level or config.log_level)
        return config

    def config_again(self) -> Config:
        """The configuration as it is now, for a daemon at work: it logs as before where this fails.
        Raises ConfigurationError.
        """
        from sync import logs
        from sync.config import load_config

        config = load_config(self.config_path, profile=self.profile)
        logs.configure(self.log_level or config.log_level)
        return config

    def pairs(self, config: Config, name: str | None = None) -> tuple[PairConfig, ...]:
        """Every pair, or the named one. Raises ConfigurationError for a name there is not."""
        if name is None:
            return config.pairs
        try:
            return (config.pair(name),)
        except KeyError:
            names = ", ".join(pair.name for pair in config.pairs)
            raise ConfigurationError(
                f"there is no pair `{output.shown(name)}` in {config.path.name}",
                code="config.unknown_pair",
                remedy=f"Use `--pair` with one of: {names}.",
            ) from None

    def pair(self, config: Config, name: str | None = None) -> PairConfig:
        """The named pair, or the only one. Raises ConfigurationError when a name is needed."""
        found = self.pairs(config, name)
        if len(found) > 1:
            raise ConfigurationError(
                f"{config.path.name} has {len(found)} pairs; this needs one",
                code="config.unknown_pair",
                remedy=f"Name it: `--pair {found[0].name}`.",
            )
        return found[0]

    @contextlib.contextmanager
    def store(self, config: Config, pair: PairConfig) -> Iterator[Store]:
        """The pair's state, created or migrated first, closed at the end.

        Raises StateError; one that a full disk caused says so (SQLite calls it an I/O error when
        it was full from the start).
        """
        from sync import wiring

        try:
            store = wiring.open_state(config, pair)
            try:
                yield store
            finally:
                store.close()
        except StateError as error:
            if error.code == "state.disk_failed" and _is_disk_full(config):
                from state.failures import disk_full

                raise disk_full() from None
            raise

    @contextlib.contextmanager
    def planning_store(self, config: Config, pair: PairConfig) -> Iterator[Store]:
        """A throw-away copy of the pair's state; where there is no state yet, none is made."""
        from dataclasses import replace

        if has_state(config):
            with self.store(config, pair) as store, store.scratch() as copy:
                yield copy
            return
        with tempfile.TemporaryDirectory(prefix="leadloop_plan_") as folder:
            empty = replace(config, state_url=f"sqlite:///{folder}/empty.sqlite3")
            with self.store(empty, pair) as store:
                yield store

    def hint(self, text: str) -> str:
        """A text with every command of ours as it has to be typed here: whoever gave `--config`
        must give it again.
        """
        if not self.config_given or self.config_path is None:
            return text
        config = shlex.quote(str(self.config_path))
        return COMMAND.sub(f"leadloop --config {config} ", text)

    def say(self, text: str) -> None:
        """A message for people, on stderr, its commands as they have to be typed here."""
        output.say(self.hint(text))

    def report_error(self, error: LeadloopError) -> int:
        """Say what went wrong and what to do; the exit code of the error."""
        if not self.json_errors:
            error.remedy = self.hint(error.remedy)
        output.print_error(error, as_json=self.json_errors)
        if self.log_level == "debug":
            traceback.print_exception(error)
        return error.exit_code

    def report_usage(self, error: Exception) -> int:
        """Say how the command line was misused. Exit code 2, unless the parser says otherwise."""
        said = getattr(error, "format_message", lambda: str(error))()
        context: Any = getattr(error, "ctx", None)
        if not said or type(error).__name__ == "NoArgsIsHelpError":
            sys.stderr.write(f"{said}\n")
            return 2
        path = context.command_path if context is not None else "leadloop"
        fault = UsageFault(said.rstrip("."), remedy=f"See `{path} --help`.")
        output.print_error(fault, as_json=self.json_errors)
        return int(getattr(error, "exit_code", 2))

    def report_stopped(self) -> int:
        """Say that it was interrupted and that nothing is lost; 130, as shells expect."""
        sys.stderr.write("\nStopped. Nothing is lost: the next run goes on from here.\n")
        return 130

    def report_unexpected(self, error: Exception) -> int:
        """One line for an error nobody foresaw; its text stays out, it may hold personal data."""
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        known = LeadloopError(
            f"unexpected {type(error).__name__} at {where}",
            remedy="Run the command again with --log-level debug to see where it comes from, and "
            "report that. Nothing is lost: what was journaled is finished by the next run.",
        )
        output.print_error(known, as_json=self.json_errors)
        if self.log_level == "debug":
            traceback.print_exception(error)
        return known.exit_code


class UsageFault(LeadloopError):  # noqa: N818 - a fault of the command line, not of Leadloop
    """The command line was misused."""

    exit_code = 2
    default_code = "usage"
    default_remedy = "See `leadloop --help`."


def session_of(ctx: typer.Context) -> Session:
    """The session of this invocation."""
    session = ctx.find_root().obj
    return session if isinstance(session, Session) else Session()


def has_state(config: Config) -> bool:
    """Whether the state is there already (a server's is taken to be)."""
    return state_file(config) is None or state_file(config).exists()  # type: ignore[union-attr]


def state_file(config: Config) -> Path | None:
    """The file of a SQLite state, None for a server."""
    scheme, _, rest = config.state_url.partition(":///")
    return Path(rest) if scheme == "sqlite" else None


def _is_disk_full(config: Config) -> bool:
    file = state_file(config)
    return file is not None and shutil.disk_usage(file.parent).free < LITTLE
