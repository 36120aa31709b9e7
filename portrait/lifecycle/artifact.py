"""Artifacts: a model as a folder, whole or not there.

contents ─▶ a folder aside ─▶ hashes ─▶ manifest.json ─▶ rename             write_artifact
folder ─▶ object store, the manifest last                                    publish
url ─▶ manifest ─▶ files aside ─▶ verify ─▶ rename                           fetch

    manifest.json          what it is, and the SHA-256 of every other file
    space.safetensors      mean and axes of the whitening
    learned.safetensors    what was learned beyond the text encoder
    encoder/               the text encoder, if it is not a pretrained one that everybody has
    reader/                what reads reviews, if one was fine-tuned and reads them better
    places/                what reads where items lie, likewise

Nothing here needs torch: the service reads artifacts, too.
"""

import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path

import fsspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from portrait.files import sync
from portrait.lifecycle.manifest import ArtifactInvalidError, FileEntry, Manifest, parse_manifest
from portrait.model.space import Space

Arrays = Mapping[str, NDArray[np.generic]]

MANIFEST = "manifest.json"
SPACE = "space.safetensors"
LEARNED = "learned.safetensors"
ENCODER = "encoder"
READER = "reader"
PLACES = "places"
KILLED_SECONDS = 3_600  # younger folders aside may belong to a process that still writes


def write_artifact(  # noqa: PLR0913 - what a model consists of
    folder: Path,
    manifest: Manifest,
    *,
    space: Space,
    learned: Arrays,
    encoder: Path | None = None,
    reader: Path | None = None,
    places: Path | None = None,
) -> Manifest:
    """Write a model as a folder, atomically: a kill leaves the whole of it or nothing.

    Writing the same contents again changes nothing, so that a trainer killed after this may repeat
    it. An artifact is never overwritten by another.

    Args:
        folder: What the artifact will be called; its parent is made.
        manifest: Everything but the files, which are filled in.
        space: The space; the manifest has to name it.
        learned: Named arrays.
        encoder: The folder of the text encoder, to be copied in.
        reader: The folder of what reads reviews, likewise.
        places: The folder of what reads where items lie, likewise.

    Returns:
        The manifest with the size and the SHA-256 of every file.

    Raises:
        ArtifactInvalidError: The manifest names another space or encoder, or a different artifact
            has this folder.
    """
    if (manifest.space_id, manifest.encoder) != (space.id, space.encoder):
        msg = f"{manifest.version} names space {manifest.space_id}, not {space.id}"
        raise ArtifactInvalidError(msg)
    with _aside(folder) as aside:
        save_file(
            {"mean": space.mean, "axes": space.axes}, aside / SPACE, {"encoder": space.encoder}
        )
        save_file(dict(learned), aside / LEARNED)
        for source, name in ((encoder, ENCODER), (reader, READER), (places, PLACES)):
            if source is not None:
                shutil.copytree(source, aside / name)
        whole = manifest.model_copy(update={"files": _entries(aside)})
        (aside / MANIFEST).write_text(whole.model_dump_json(indent=2) + "\n")
        _settle(aside, folder)
    return _same(folder, whole)


def read_manifest(folder: Path) -> Manifest:
    """Read an artifact's manifest, without looking at its other files.

    Raises:
        ArtifactInvalidError: There is none, or it cannot be read.
    """
    try:
        return parse_manifest((folder / MANIFEST).read_bytes())
    except FileNotFoundError as error:
        msg = f"{folder.name} has no {MANIFEST}"
        raise ArtifactInvalidError(msg) from error


def verify(folder: Path, digest: str | None = None) -> Manifest:
    """Check every file against the manifest, and the manifest against its own digest if known.

    Raises:
        ArtifactInvalidError: A file is missing, added or changed; the message names it.
    """
    manifest = read_manifest(folder)
    if digest is not None and manifest_digest(folder) != digest:
        msg = f"{manifest.version}: the manifest is not the one that was registered"
        raise ArtifactInvalidError(msg)
    found = {path.relative_to(folder).as_posix() for path in _files(folder)} - {MANIFEST}
    for name in sorted(found ^ manifest.files.keys()):
        what = "is not in the manifest" if name in found else "is missing"
        msg = f"{manifest.version}: {name} {what}"
        raise ArtifactInvalidError(msg)
    for name, entry in manifest.files.items():
        if _entry(folder / name) != entry:
            msg = f"{manifest.version}: {name} is not what the manifest says"
            raise ArtifactInvalidError(msg)
    return manifest


def manifest_digest(folder: Path) -> str:
    """Return the SHA-256 of the manifest: who keeps it, as a registry does, can tell forgeries."""
    return sha256((folder / MANIFEST).read_bytes()).hexdigest()


def read_space(folder: Path) -> Space:
    """Read the space of an artifact that was verified or fetched."""
    arrays = _load(folder / SPACE)
    try:
        mean, axes = arrays["mean"], arrays["axes"]
    except KeyError as error:
        msg = f"{SPACE} is of another layout"
        raise ArtifactInvalidError(msg) from error
    return Space(
        read_manifest(folder).encoder,
        mean.astype(np.float32, copy=False),
        axes.astype(np.float32, copy=False),
    )


def read_learned(folder: Path) -> dict[str, NDArray[np.generic]]:
    """Read the learned arrays of an artifact that was verified or fetched."""
    return _load(folder / LEARNED)


def publish(folder: Path, url: str) -> None:
    """Copy a verified artifact to where `fetch` finds it; any fsspec URL.

    Object stores cannot rename, so the manifest goes last: a killed upload is no artifact.
    """
    manifest = verify(folder)
    files, root = fsspec.core.url_to_fs(url)
    for name in (*manifest.files, MANIFEST):
        target = f"{root}/{name}"
        files.makedirs(target.rpartition("/")[0], exist_ok=True)
        files.put_file(str(folder / name), target)


def fetch(url: str, cache: Path, digest: str | None = None) -> Path:
    """Bring an artifact into a local cache, verified; one that is there already is not read again.

    Args:
        url: Its folder, as any fsspec URL: a path, `memory://`, `s3://`.
        cache: Where artifacts are kept on this machine.
        digest: `manifest_digest` of the artifact wanted, if a registry knows it.

    Raises:
        ArtifactInvalidError: Missing, incomplete, or not what its manifest says.
    """
    try:
        files, root = fsspec.core.url_to_fs(url)
        payload: bytes = files.cat_file(f"{root}/{MANIFEST}")
    except FileNotFoundError as error:
        msg = f"there is no artifact at {url}"
        raise ArtifactInvalidError(msg) from error
    except (
        OSError,
        ValueError,
        ImportError,
    ) as error:  # away, forbidden, or of a kind unknown here
        msg = f"the artifact at {url} cannot be read: {type(error).__name__}"
        raise ArtifactInvalidError(msg) from error
    found = sha256(payload).hexdigest()
    manifest = parse_manifest(payload)
    if digest not in {None, found}:
        msg = f"{manifest.version}: the manifest at {url} is not the one that was registered"
        raise ArtifactInvalidError(msg)
    folder = cache / f"{manifest.version}-{found[:16]}"
    if _is_whole(folder, found):
        return folder
    with _aside(folder) as aside:
        (aside / MANIFEST).write_bytes(payload)
        for name in manifest.files:
            _download(files, f"{root}/{name}", aside / name)
        verify(aside, found)
        shutil.rmtree(folder, ignore_errors=True)  # a copy that this disk has damaged
        _settle(aside, folder)
    verify(folder, found)
    return folder


def _is_whole(folder: Path, digest: str) -> bool:
    try:
        verify(folder, digest)
    except ArtifactInvalidError:
        return False
    return True


def _same(folder: Path, wanted: Manifest) -> Manifest:
    """Return the manifest that is there, if it is of the same files."""
    there = verify(folder)
    if there.files != wanted.files:
        msg = f"another artifact called {folder.name} is there already"
        raise ArtifactInvalidError(msg)
    return there


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """Make a folder beside the target, gone at the end unless it was renamed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".{folder.name}.*"):
        if time.time() - left.stat().st_mtime > KILLED_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    aside = folder.parent / f".{folder.name}.{uuid.uuid4().hex}"
    aside.mkdir()
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _settle(aside: Path, folder: Path) -> None:
    """Put a finished folder in its place, on the disk and not only in its cache."""
    for path in (*_files(aside), *(at for at in aside.rglob("*") if at.is_dir()), aside):
        sync(path)
    try:
        aside.rename(folder)
    except OSError:
        if not folder.exists():  # another process was faster: the callers compare
            raise
    sync(folder.parent)


def _download(files: fsspec.AbstractFileSystem, source: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        files.get_file(source, str(target))
    except FileNotFoundError as error:
        msg = f"{source} is missing: an upload that was cut off?"
        raise ArtifactInvalidError(msg) from error
    except OSError as error:
        msg = f"{source} cannot be read: {type(error).__name__}"
        raise ArtifactInvalidError(msg) from error


def _entries(folder: Path) -> dict[str, FileEntry]:
    return {path.relative_to(folder).as_posix(): _entry(path) for path in _files(folder)}


def _entry(path: Path) -> FileEntry:
    with path.open("rb") as file:
        return FileEntry(sha256=file_digest(file, "sha256").hexdigest(), bytes=path.stat().st_size)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _load(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        return load_file(path)
    except (SafetensorError, FileNotFoundError) as error:
        msg = f"{path.name} cannot be read"
        raise ArtifactInvalidError(msg) from error
