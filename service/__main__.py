"""The service: `python -m service`."""

from portrait.command import main
from service.commands import COMMANDS

if __name__ == "__main__":
    main("python -m service", COMMANDS)
