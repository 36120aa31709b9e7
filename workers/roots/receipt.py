"""Composition root of `receipt`."""

from argparse import Namespace

from portrait.settings import Settings
from workers.privacy.receipt import told


async def run(settings: Settings, options: Namespace) -> None:
    """Verify a receipt, or print the public key."""
    print(told(options, settings.receipt_key_file))  # noqa: T201 - what was asked for
