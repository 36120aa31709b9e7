"""Composition root of `portrait help-desk`: it looks at a desk, or adds help texts."""

import json
from argparse import Namespace
from pathlib import Path

from assist.command import IMPORT
from assist.import_help import import_help
from portrait.helpdesk.read_desk import read_desk
from portrait.settings import Settings


async def run(settings: Settings, options: Namespace) -> None:
    """Do what is asked for."""
    folder = settings.help_desk
    told = _import(folder, options.files) if options.task == IMPORT else _check(folder)
    print(json.dumps(told, ensure_ascii=False))  # noqa: T201 - what was asked for


def _check(folder: Path) -> dict[str, object]:
    """Say what is in a desk."""
    desk = read_desk(folder)
    return {
        "desk": desk.version,
        "intents": len(desk.intents),
        "examples": sum(len(intent.examples) for intent in desk.intents),
        "replies": len(desk.replies),
        "passages": len(desk.passages),
        "intents_without_reply": sorted({*desk.by_id} - {reply.intent for reply in desk.replies}),
    }


def _import(folder: Path, files: list[str]) -> dict[str, object]:
    """Add help texts to a desk."""
    return {"passages": import_help(folder, map(Path, files))}
