"""The workers: `python -m workers COMMAND`."""

from portrait.command import main
from workers.commands import COMMANDS

if __name__ == "__main__":
    main("python -m workers", COMMANDS)
