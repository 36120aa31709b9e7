"""`portrait COMMAND`: every command of what is installed here."""

from argparse import Namespace
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from platform import python_version

from portrait.command import Command, main
from portrait.settings import Settings

PACKAGES = ("assist", "service", "workers")  # an image may have but one of them


async def run(_settings: Settings, _options: Namespace) -> None:
    """Print the version."""
    print(f"portrait {version('portrait')}, Python {python_version()}")  # noqa: T201 - what was asked for


def commands() -> list[Command]:
    """Return the commands of the packages that are here."""
    found: list[Command] = []
    for package in PACKAGES:
        if find_spec(package) is not None:
            found += import_module(f"{package}.commands").COMMANDS
    return [*found, Command("version", "Print the version of Portrait.", __name__, ())]


def cli() -> None:
    """Run what the command line names: the console script `portrait`."""
    main("portrait", commands())


if __name__ == "__main__":
    cli()
