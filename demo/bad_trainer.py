"""A trainer whose challengers have to be refused, in the place of the shop's own."""

from argparse import Namespace
from dataclasses import replace

from portrait.command import main
from portrait.settings import Settings
from sandbox.shuffled import ShuffledLearner
from workers.commands import COMMANDS
from workers.roots.train import run as run_trainer


async def run(settings: Settings, options: Namespace) -> None:
    """Train on shuffled events; all else is the trainer's own."""
    await run_trainer(settings, options, ShuffledLearner)


if __name__ == "__main__":
    (trainer,) = [command for command in COMMANDS if command.name == "train"]
    main("python -m demo.bad_trainer", [replace(trainer, root=__spec__.name)])
