"""`portrait export`: what an operator says on the command line."""

from argparse import ArgumentParser


def add_options(parser: ArgumentParser) -> None:
    """Add what can be asked for."""
    parser.add_argument("user", help="as in the events; `anonymous:` before who has not logged in")
