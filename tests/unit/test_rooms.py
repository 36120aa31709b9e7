"""Rooms: what is put into the wrong one, or into none, is refused by `lint-imports`."""

import shutil
import subprocess
import sys
from pathlib import Path

from sandbox.processes import ROOT

UP = '"""Reaches up."""\n\nfrom portrait.inference.paint import paint\n\n__all__ = ["paint"]\n'


def test_a_module_in_the_wrong_room_and_one_in_none_are_refused(tmp_path: Path) -> None:
    for name in ("assist", "portrait", "service", "workers"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "portrait" / "events" / "upwards.py").write_text(UP)
    (tmp_path / "portrait" / "nowhere.py").write_text('"""Has no place."""\n')
    sideways = UP.replace("portrait.inference.paint", "workers.index.upkeep")
    (tmp_path / "workers" / "update" / "sideways.py").write_text(
        sideways.replace("paint", "Upkeep")
    )
    (tmp_path / "workers" / "lost.py").write_text('"""Has no place, either."""\n')
    (tmp_path / "service" / "learned.py").write_text(UP.replace("inference.paint", "text.batching"))

    ended = subprocess.run(  # noqa: S603 - our own
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    said = " ".join(ended.stdout.split())
    assert ended.returncode == 1
    assert "portrait.events.upwards -> portrait.inference.paint" in said
    assert "workers.update.sideways -> workers.index.upkeep" in said
    assert "nowhere" in said
    assert "lost" in said
    assert "service.learned -> portrait.text.batching" in said
