"""Images of others are named whole, and `make pin-images` writes a digest beside each of them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from sandbox.processes import ROOT

FILES = "Dockerfile", "docker-compose.yml"
NAMED = re.compile(
    r"^(?:FROM|\s+image:) ([a-z][a-z./-]*:[^\s@]+)(@sha256:[0-9a-f]{64})?", re.MULTILINE
)
DOCKER = """#!/bin/sh
test "$1 $2 $3" = "buildx imagetools inspect" || exit 2
printf 'sha256:'; printf '%s %s' "$4" "$TURN" | sha256sum | cut -c 1-64
"""


def images(folder: Path) -> dict[str, str]:
    """Return others' images, and the digest that each is named with, if any."""
    named = [found for file in FILES for found in NAMED.findall((folder / file).read_text())]
    return {name: digest for name, digest in named if not name.startswith("portrait-")}


def pin(folder: Path, turn: str) -> str:
    """Run the script with a registry that gives each image another digest in each turn."""
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "TURN": turn}
    done = subprocess.run(  # noqa: S603 - our own script
        [folder / "deploy" / "pin-images.sh"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_every_image_of_others_has_a_whole_version() -> None:
    versions = [name.partition(":")[2] for name in images(ROOT)]

    assert len(versions) == 5
    assert all(re.match(r"v?\d+\.\d+(\.\d+)?", version) for version in versions)


def test_all_of_them_are_pinned_or_none_is() -> None:
    assert len({bool(digest) for digest in images(ROOT).values()}) == 1


def test_each_is_pinned_once_and_again_at_an_upgrade(tmp_path: Path) -> None:
    for file in (*FILES, "deploy/pin-images.sh"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)

    printed, first = pin(tmp_path, "first"), images(tmp_path)
    pin(tmp_path, "second")
    second = images(tmp_path)

    assert first.keys() == second.keys() == images(ROOT).keys()
    assert len({*first.values(), *second.values()}) == 2 * len(first)
    assert all(f"{name}{digest}" in printed for name, digest in first.items())
    for file in FILES:
        written = (tmp_path / file).read_text()
        assert re.sub(r"@sha256:[0-9a-f]{64}", "", written) == re.sub(
            r"@sha256:[0-9a-f]{64}", "", (ROOT / file).read_text()
        )
