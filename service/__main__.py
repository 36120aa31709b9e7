"""The service: `python -m service`."""

from portrait.command import main
from service.commands import SERVICE

if __name__ == "__main__":
    main("python -m service", [SERVICE])
