"""Artifacts: whole or not there, and never other than their manifest says."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from portrait.lifecycle.artifact import (
    fetch,
    manifest_digest,
    publish,
    read_learned,
    read_manifest,
    read_space,
    verify,
    write_artifact,
)
from portrait.lifecycle.manifest import ArtifactInvalidError, FileEntry, Manifest, Window
from portrait.model.space import Space, Vectors

SPACE = Space("tiny", np.zeros(3, np.float32), np.eye(3, 2, dtype=np.float32))
LEARNED: dict[str, NDArray[np.generic]] = {
    "gates": np.arange(7, dtype=np.float32),
    "refs": np.array([1, 2**63], np.uint64),
}
URL = "memory://models/one"


def manifest(version: str = "one") -> Manifest:
    moment = datetime(2026, 11, 24, tzinfo=UTC)
    return Manifest(
        version=version,
        created_at=moment,
        trained_on=Window(since=moment, until=moment),
        offsets={"events.click/0": 12},
        metrics={"test": {"ndcg@10": 0.1}},
        encoder=SPACE.encoder,
        space_id=SPACE.id,
    )


def written(folder: Path, **more: Vectors) -> Path:
    encoder = folder.parent / "source"
    (encoder / "tokens").mkdir(parents=True, exist_ok=True)
    (encoder / "config.json").write_text("{}")
    (encoder / "tokens" / "vocab.txt").write_text("[PAD]\n")
    write_artifact(folder, manifest(), space=SPACE, learned={**LEARNED, **more}, encoder=encoder)
    return folder


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    return written(tmp_path / "one")


@pytest.fixture
def published(artifact: Path) -> str:
    fsspec.filesystem("memory").store.clear()
    publish(artifact, URL)
    return URL


def test_what_was_written_is_read(artifact: Path) -> None:
    checked = verify(artifact)

    assert checked == read_manifest(artifact)
    assert checked.model_copy(update={"files": {}}) == manifest()
    assert sorted(checked.files) == [
        "encoder/config.json",
        "encoder/tokens/vocab.txt",
        "learned.safetensors",
        "space.safetensors",
    ]
    assert read_space(artifact).id == SPACE.id
    for name, array in read_learned(artifact).items():
        np.testing.assert_array_equal(array, LEARNED[name])


def test_the_same_written_again_changes_nothing(artifact: Path) -> None:
    before = manifest_digest(artifact)

    written(artifact)

    assert manifest_digest(artifact) == before


def test_another_model_never_takes_an_artifacts_place(artifact: Path) -> None:
    with pytest.raises(ArtifactInvalidError, match="another artifact called one"):
        written(artifact, more=np.ones(2, np.float32))

    assert "more" not in read_learned(artifact)
    verify(artifact)


@pytest.mark.parametrize("name", ["space.safetensors", "encoder/config.json"])
def test_a_changed_file_is_refused(artifact: Path, name: str) -> None:
    changed = bytearray((artifact / name).read_bytes())
    changed[-1] ^= 1
    (artifact / name).write_bytes(changed)

    with pytest.raises(ArtifactInvalidError, match=f"one: {name} is not what"):
        verify(artifact)


def test_a_missing_file_is_refused(artifact: Path) -> None:
    (artifact / "learned.safetensors").unlink()

    with pytest.raises(ArtifactInvalidError, match=r"learned\.safetensors is missing"):
        verify(artifact)


def test_a_file_too_many_is_refused(artifact: Path) -> None:
    (artifact / "encoder" / "adapter.bin").write_bytes(b"x")

    with pytest.raises(ArtifactInvalidError, match=r"adapter\.bin is not in the manifest"):
        verify(artifact)


def test_a_forged_manifest_is_refused_by_its_digest(artifact: Path) -> None:
    digest = manifest_digest(artifact)
    forged = read_manifest(artifact).model_copy(update={"metrics": {"test": {"ndcg@10": 0.9}}})
    (artifact / "manifest.json").write_text(forged.model_dump_json())

    verify(artifact)
    with pytest.raises(ArtifactInvalidError, match="not the one that was registered"):
        verify(artifact, digest)


@pytest.mark.parametrize("payload", [b"", b"{}", b"\xff", b'{"schema_version": 2}'])
def test_an_unreadable_manifest_is_refused(artifact: Path, payload: bytes) -> None:
    (artifact / "manifest.json").write_bytes(payload)

    with pytest.raises(ArtifactInvalidError, match="manifest unreadable"):
        read_manifest(artifact)


@pytest.mark.parametrize("name", ["/etc/passwd", "../out", "a/../../out", "a//b", "a\\b", ""])
def test_a_file_outside_the_folder_cannot_be_named(name: str) -> None:
    entry = FileEntry(sha256="0" * 64, bytes=0)

    with pytest.raises(ValidationError):
        Manifest.model_validate(manifest().model_dump() | {"files": {name: entry}})


def test_a_manifest_of_another_space_is_refused(tmp_path: Path) -> None:
    other = manifest().model_copy(update={"space_id": "0" * 16})

    with pytest.raises(ArtifactInvalidError, match="names space"):
        write_artifact(tmp_path / "one", other, space=SPACE, learned={})


DYING = """
import os, sys
from itertools import count
from pathlib import Path
from portrait.lifecycle import artifact
from tests.unit.test_artifact import written

def die_at(last):
    lines = count(1)
    def traced(frame, event, argument):
        if frame.f_code.co_filename != artifact.__file__:
            return None
        if event == "line" and next(lines) == last:
            os._exit(9)
        return traced
    return traced

for last in count(1):
    child = os.fork()
    if child == 0:
        sys.settrace(die_at(last))
        written(Path(sys.argv[1], str(last), "one"))
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""


def test_a_kill_at_any_line_leaves_a_whole_artifact_or_none(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", DYING, str(tmp_path)], check=True)  # noqa: S603 - ours

    deaths = [path / "one" for path in tmp_path.iterdir()]
    whole = [verify(folder) for folder in deaths if folder.exists()]

    assert len(deaths) > 100
    assert 1 < len(whole) < len(deaths) - 10
    for folder in deaths[::20]:
        written(folder)  # and the next attempt succeeds, whatever was left


def test_a_fetched_artifact_is_the_published_one(published: str, tmp_path: Path) -> None:
    folder = fetch(published, tmp_path / "cache")

    assert verify(folder) == read_manifest(tmp_path / "one")
    assert read_space(folder).id == SPACE.id


def test_a_local_folder_is_fetched_like_any_url(artifact: Path, tmp_path: Path) -> None:
    folder = fetch(str(artifact), tmp_path / "cache", manifest_digest(artifact))

    assert verify(folder) == read_manifest(artifact)


def test_what_is_cached_is_not_fetched_again(published: str, tmp_path: Path) -> None:
    folder = fetch(published, tmp_path / "cache")
    memory = fsspec.filesystem("memory")
    memory.rm_file("/models/one/learned.safetensors")

    assert fetch(published, tmp_path / "cache") == folder


def test_a_damaged_cache_heals(published: str, tmp_path: Path) -> None:
    folder = fetch(published, tmp_path / "cache")
    (folder / "learned.safetensors").write_bytes(b"rot")

    assert fetch(published, tmp_path / "cache") == folder
    verify(folder)


def test_a_tampered_upload_is_refused_and_not_kept(published: str, tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe_file("/models/one/learned.safetensors", b"evil")

    with pytest.raises(ArtifactInvalidError, match=r"learned\.safetensors is not what"):
        fetch(published, tmp_path / "cache")

    assert list((tmp_path / "cache").iterdir()) == []


def test_an_upload_that_was_cut_off_is_refused(published: str, tmp_path: Path) -> None:
    fsspec.filesystem("memory").rm_file("/models/one/space.safetensors")

    with pytest.raises(ArtifactInvalidError, match="cut off"):
        fetch(published, tmp_path / "cache")


def test_a_model_that_was_not_registered_is_refused(published: str, tmp_path: Path) -> None:
    with pytest.raises(ArtifactInvalidError, match="not the one that was registered"):
        fetch(published, tmp_path / "cache", "0" * 64)


def test_no_artifact_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArtifactInvalidError, match="there is no artifact at memory://nowhere"):
        fetch("memory://nowhere", tmp_path)


def test_what_a_killed_process_left_is_swept_up(artifact: Path) -> None:
    left = artifact.parent / ".one.dead"
    left.mkdir()
    os.utime(left, (0, 0))

    written(artifact)

    assert not left.exists()
