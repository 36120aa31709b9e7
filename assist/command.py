"""What an operator says on the command line to the help desk."""

from argparse import ArgumentParser

SERVE, TRAIN, CHECK, IMPORT = "serve", "train", "check", "import"
LEAST = 20  # new labels: with fewer, what is better is chance


def add_assist_options(parser: ArgumentParser) -> None:
    """Say what `portrait assist` can be asked for; without anything it serves."""
    parser.set_defaults(task=SERVE)
    asked = parser.add_subparsers(dest="task", metavar="serve|train")
    asked.add_parser(SERVE, help="answer over HTTP; so it does if nothing is said")
    train = asked.add_parser(
        TRAIN, help="learn intents from examples and labels; what is not worse serves from then on"
    )
    train.add_argument(
        "--least", type=int, default=LEAST, help=f"fewer new labels are not worth it ({LEAST})"
    )


def add_desk_options(parser: ArgumentParser) -> None:
    """Say what `portrait help-desk` can be asked for."""
    asked = parser.add_subparsers(dest="task", required=True, metavar="check|import")
    asked.add_parser(CHECK, help="say what is in it, or what is wrong, and in which line")
    imports = asked.add_parser(IMPORT, help="add help texts: Markdown, HTML, or CSV")
    imports.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="what was imported from a file of the same name before is replaced",
    )
