"""The ledger: who serves comes back exactly, or a sentence says why not."""

from pathlib import Path

import numpy as np
import pytest

from portrait.errors import PortraitError
from portrait.lifecycle.ledger import (
    LEDGER,
    Ledger,
    fetch_model,
    publish_model,
    read_ledger,
    write_ledger,
)
from portrait.lifecycle.manifest import ArtifactInvalidError
from portrait.model.model import Model
from tests.support.cards import card_of_model
from tests.support.models import learned_model
from tests.support.streams import MODEL


@pytest.mark.parametrize("model", [MODEL, learned_model()], ids=["texts alone", "learned"])
def test_a_model_comes_back_with_every_bit(model: Model, tmp_path: Path) -> None:
    url = str(tmp_path / "models")

    card = publish_model(url, model, card_of_model(model))
    found, again = fetch_model(url, card, tmp_path / "cache")

    assert (found.version, found.space_id) == (model.version, model.space_id)
    assert found.space.axes.tobytes() == model.space.axes.tobytes()
    assert again == card


def test_publishing_it_twice_changes_nothing(tmp_path: Path) -> None:
    url = str(tmp_path)

    once = publish_model(url, MODEL, card_of_model(MODEL))

    assert publish_model(url, MODEL, card_of_model(MODEL)) == once


def test_what_was_written_last_is_read(tmp_path: Path) -> None:
    url = str(tmp_path / "models")
    first, second = card_of_model(MODEL), card_of_model(learned_model())

    assert read_ledger(url) is None
    write_ledger(url, Ledger(champion=first))
    write_ledger(url, Ledger(champion=second, former=first))

    assert read_ledger(url) == Ledger(champion=second, former=first)
    assert [path.name for path in (tmp_path / "models").iterdir()] == [LEDGER]


def test_an_object_store_keeps_it_as_well() -> None:
    write_ledger("memory://shop", Ledger(champion=card_of_model(MODEL)))

    assert read_ledger("memory://shop/") == Ledger(champion=card_of_model(MODEL))


def test_a_folder_that_was_moved_is_read_where_it_is_now(tmp_path: Path) -> None:
    card = publish_model(str(tmp_path / "old"), MODEL, card_of_model(MODEL))
    (tmp_path / "old").rename(tmp_path / "new")

    _, found = fetch_model(str(tmp_path / "new"), card, tmp_path / "cache")

    assert found.artifact == str(tmp_path / "new" / MODEL.version)


def test_an_artifact_that_another_process_published_elsewhere_is_found_there(
    tmp_path: Path,
) -> None:
    card = publish_model(str(tmp_path / "theirs"), MODEL, card_of_model(MODEL))

    found, _ = fetch_model(str(tmp_path / "ours"), card, tmp_path / "cache")

    assert found.space_id == MODEL.space_id


def test_a_damaged_ledger_is_not_taken_for_a_new_shop(tmp_path: Path) -> None:
    (tmp_path / LEDGER).write_text('{"champion": ')

    with pytest.raises(ArtifactInvalidError, match="damaged"):
        read_ledger(str(tmp_path))


@pytest.mark.parametrize("url", ["nothing-like-this://shop", "/proc/nowhere"])
def test_a_place_that_cannot_be_reached_is_said_and_not_taken_for_a_new_shop(url: str) -> None:
    card = card_of_model(MODEL)

    for step in (
        lambda: write_ledger(url, Ledger(champion=card)),
        lambda: publish_model(url, MODEL, card),
        lambda: fetch_model(url, card, Path("unused")),
    ):
        with pytest.raises(ArtifactInvalidError):
            step()
    with pytest.raises(ArtifactInvalidError):
        read_ledger("nothing-like-this://shop")


@pytest.mark.parametrize("name", ["space.safetensors", "learned.safetensors", "manifest.json"])
def test_a_damaged_artifact_is_refused(name: str, tmp_path: Path) -> None:
    model = learned_model()
    card = publish_model(str(tmp_path), model, card_of_model(model))
    path = tmp_path / model.version / name
    path.write_bytes(path.read_bytes()[:-7])

    with pytest.raises(PortraitError):
        fetch_model(str(tmp_path), card, tmp_path / "cache")


def test_arrays_of_another_layout_are_refused(tmp_path: Path) -> None:
    class Other:
        def to_arrays(self) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]]:
            return {"something": np.zeros(3, np.float32)}

    strange = Model("strange", MODEL.space)
    object.__setattr__(strange, "learned", Other())
    card = publish_model(str(tmp_path), strange, card_of_model(Model("strange", MODEL.space)))

    with pytest.raises(PortraitError):
        fetch_model(str(tmp_path), card, tmp_path / "cache")
