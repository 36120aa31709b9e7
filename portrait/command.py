"""Commands: what an operator runs, what each is for, and how it ends.

    portrait COMMAND       every command that is installed
    python -m workers …    those of the workers           python -m service    the service

A command's root is imported only when it runs: `--help` answers at once, and `portrait archive`
never loads torch. What is wrong with what the operator gave ends in one sentence that names the
variable, the cause and what to do; a traceback is printed with `--debug` alone.

Exit codes: 0 it did what it was asked to; 1 it could not; 2 it was asked wrongly. A root that was
asked whether something is right may return a code of its own.
"""

import argparse
import asyncio
import gc
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from textwrap import fill, wrap

import shtab
import structlog
import uvloop
from threadpoolctl import threadpool_limits

from portrait.adapters.reach import addresses_of, why_unreachable
from portrait.errors import PortraitError, SettingsInvalidError, StreamUnavailableError
from portrait.logs import configure_logs, described, leaves, report_failure
from portrait.settings import Settings, exposed, of_shop, read_settings, shown, told, variable

FAILED, MISUSED = 1, 2  # exit codes
YOUNG_OBJECTS = 50_000  # between two collections: a batch's events die together, without cycles
WIDTH = 88  # of help, in characters

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Command:
    """One thing that an operator can run."""

    name: str
    summary: str  # one line
    root: str  # the module whose `run(settings, options)` does it
    reads: tuple[str, ...]  # fields of Settings
    add_options: Callable[[argparse.ArgumentParser], None] = lambda _parser: None
    waits: bool = True  # for servers that are away; else it ends, and says so


def main(prog: str, commands: Sequence[Command], arguments: Sequence[str] | None = None) -> None:
    """Run the command that is named, and end the process with its exit code."""
    report_failure()
    options = parser_of(prog, commands).parse_args(arguments)
    (command,) = [each for each in commands if each.name == options.command]
    try:
        settings = of_shop(read_settings()) if command.reads else Settings.model_construct()
        # What is done once may print what it was asked for, which others read.
        configure_logs(settings.log_format, sys.stdout if command.waits else sys.stderr)
        if settings.shop is not None:
            structlog.contextvars.bind_contextvars(shop=settings.shop)
        for name in exposed() if command.reads else ():
            log.warning("secret_exposed", setting=name, reason="anybody may read its file")
        sys.exit(_run(command, settings, options))
    except SettingsInvalidError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(MISUSED)


def parser_of(prog: str, commands: Sequence[Command]) -> argparse.ArgumentParser:
    """Return what reads the command line. Where there is but one command, it is not named."""
    parser = argparse.ArgumentParser(prog, allow_abbrev=False, formatter_class=_Plain)
    if len(commands) == 1:
        _describe(parser, commands[0])
        return parser
    parser.description = "Live user profiles for shops."
    shtab.add_argument_to(
        parser, "--print-completion", help="print what completes commands in your shell"
    )
    named = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in commands:
        own = named.add_parser(
            command.name, help=command.summary, allow_abbrev=False, formatter_class=_Plain
        )
        _describe(own, command)
    return parser


class _Plain(argparse.RawDescriptionHelpFormatter):
    """Help as wide as a terminal usually is."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=22, width=WIDTH)


def _describe(parser: argparse.ArgumentParser, command: Command) -> None:
    parser.set_defaults(command=command.name)
    parser.description = fill(command.summary, WIDTH, break_on_hyphens=False)
    if command.reads:
        settings = map(_setting, dict.fromkeys(command.reads))
        parser.epilog = "\n".join(["settings, as environment variables:", *settings])
    parser.add_argument(
        "--debug", action="store_true", help="print a traceback if it fails; it may show data"
    )
    command.add_options(parser)


def _setting(name: str) -> str:
    field = Settings.model_fields[name]
    wrapped = wrap(told(name), WIDTH - 6, break_on_hyphens=False)
    lines = "\n".join(" " * 6 + line for line in wrapped)
    return f"  {variable(name)} [{shown(field.default)}]\n{lines}"


def _run(command: Command, settings: Settings, options: argparse.Namespace) -> int:
    """Run a root until it ends. Returns the exit code."""
    with threadpool_limits(1), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_look_around(command, settings))
            root = import_module(command.root)
            tune_garbage_collection()
            return runner.run(root.run(settings, options)) or 0
        except (PortraitError, ExceptionGroup) as error:
            return _told(command, error, is_debugged=options.debug)


async def _look_around(command: Command, settings: Settings) -> None:
    """Say what starts and what it is connected to; before it is loaded, which may take seconds.

    Raises:
        StreamUnavailableError: A server is away, and the command does not wait.
    """
    servers = {
        name: addresses_of(str(getattr(settings, name)))
        for name in ("redis_url", "kafka_bootstrap")
        if name in command.reads
    }
    if servers and command.waits:
        log.info("starting", command=command.name, **servers)
    for name, addresses in servers.items():
        reason = await why_unreachable(variable(name), name.partition("_")[0].title(), addresses)
        if reason is not None and not command.waits:
            raise StreamUnavailableError(reason)
        if reason is not None:
            log.warning("server_away", reason=reason)


def tune_garbage_collection() -> None:
    """Leave what was loaded out of every collection, and collect less often."""
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


def _told(command: Command, error: Exception, *, is_debugged: bool) -> int:
    """Say why a command has failed: our own errors in their words. Returns the exit code."""
    if is_debugged:
        traceback.print_exception(error)
    causes = [*leaves(error)] if isinstance(error, ExceptionGroup) else [error]
    ours = [str(cause) for cause in causes if isinstance(cause, PortraitError)]
    if len(ours) < len(causes):  # something that we did not foresee: where it was raised is told
        log.critical("process_failed", errors=described(error))
    elif command.waits:
        log.critical("command_failed", command=command.name, reason=" ".join(dict.fromkeys(ours)))
    else:  # whoever typed it reads it
        sys.stderr.write(" ".join(dict.fromkeys(ours)) + "\n")
    is_misuse = all(isinstance(cause, SettingsInvalidError) for cause in causes)
    return MISUSED if is_misuse else FAILED
