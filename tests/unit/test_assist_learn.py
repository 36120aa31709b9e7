"""Learning intents: what is not worse serves, whole or not at all."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assist.learn import Lesson, NothingToLearnError, former_of, learn
from assist.models import CARD, HEAD, KEPT, current, promote, read_model, write_model
from portrait.errors import ModelInvalidError
from portrait.helpdesk.labels import Label
from portrait.helpdesk.read_desk import read_desk
from portrait.model.encoder import TextEncoder
from tests.support.desks import write_desk
from tests.support.fakes import HashEncoder

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SAID = {
    "delivery": "parcel order late track come arrive package",
    "returning": "return shoes back send exchange size",
    "invoice": "bill invoice receipt paper tax",
}


def nowhere(_folder: str) -> TextEncoder:
    raise AssertionError


def labels(count: int, *, since: int = 0, wrong: bool = False) -> list[tuple[str, Label]]:
    """Make labels of the three intents in turn; wrong ones name the next intent instead."""
    names = [*SAID]
    made = []
    for place in range(since, since + count):
        name = names[place % 3]
        words = SAID[name].split()
        text = f"{words[place % len(words)]} {words[(place // 2) % len(words)]} number{place}"
        meant = names[(place + wrong) % 3]
        made.append((f"{1_000 + place}-0", Label(text=text, intent=meant, at=NOW, by="test")))
    return made


def lesson(
    folder: Path, given: list[tuple[str, Label]], *, day: int = 0, least: int = 1
) -> Lesson | None:
    desk, models = read_desk(folder / "desk"), folder / "models"
    encoder = HashEncoder()
    former = former_of(models, encoder, nowhere)
    return learn(desk, given, encoder, former, models, NOW + timedelta(days=day), least)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_desk(tmp_path / "desk")
    return tmp_path


def test_the_first_lesson_is_promoted_over_the_desks_words(folder: Path) -> None:
    learned = lesson(folder, labels(60))

    assert learned is not None
    assert learned.is_promoted
    assert learned.accuracy >= learned.before
    assert current(folder / "models") == learned.card.version
    card, head = read_model(folder / "models", learned.card.version)
    assert (card.labels, card.labels_until) == (60, "1059-0")
    vector = HashEncoder().encode(["track my parcel"])
    assert head.intents[int(head(vector).argmax())] == "delivery"


def test_a_desk_without_labels_is_learned_from_its_examples(folder: Path) -> None:
    learned = lesson(folder, [])

    assert learned is not None
    assert learned.card.labels == 0
    assert learned.card.texts == 11


def test_what_reads_the_newest_labels_worse_does_not_serve(folder: Path) -> None:
    first = lesson(folder, labels(120))
    assert first is not None

    second = lesson(folder, labels(120, wrong=True) + labels(30, since=120), day=1)

    assert second is not None
    assert not second.is_promoted
    assert second.accuracy < second.before
    assert current(folder / "models") == first.card.version


def test_the_exam_is_what_came_since(folder: Path) -> None:
    lesson(folder, labels(60))

    second = lesson(folder, labels(100), day=1)

    assert second is not None
    assert second.exam == 40


def test_too_few_new_labels_are_not_worth_a_lesson(folder: Path) -> None:
    lesson(folder, labels(60))

    assert lesson(folder, labels(70), day=1, least=20) is None


def test_another_desk_is_worth_one(folder: Path) -> None:
    lesson(folder, labels(60))
    path = folder / "desk" / "intents.yml"
    path.write_text(path.read_text() + "  - {id: gift, name: gift cards}\n")

    second = lesson(folder, labels(60), day=1, least=20)

    assert second is not None
    assert "gift" in read_model(folder / "models", second.card.version)[1].intents


def test_the_newest_label_of_a_text_counts_and_of_gone_intents_none(folder: Path) -> None:
    twice = [
        ("1-0", Label(text="Bill, please!", intent="delivery", at=NOW, by="a")),
        ("2-0", Label(text="bill please", intent="invoice", at=NOW, by="b")),
        ("3-0", Label(text="old thing", intent="gone", at=NOW, by="b")),
        ("4-0", Label(text="what is love", intent=None, at=NOW, by="b")),
    ]

    learned = lesson(folder, twice)

    assert learned is not None
    assert learned.card.labels == 1


def test_a_desk_of_which_one_intent_alone_has_words_cannot_be_learned(folder: Path) -> None:
    desk = read_desk(folder / "desk")
    same = desk.intents[0].model_copy(update={"id": "other"})
    alike = [desk.intents[0], same]
    told = desk.__class__(desk.version, tuple(alike), {}, (), desk.rules, ())

    with pytest.raises(NothingToLearnError):
        learn(told, [], HashEncoder(), None, folder / "models", NOW)


def test_a_damaged_model_is_told_and_does_not_stop_a_lesson(folder: Path) -> None:
    first = lesson(folder, labels(60))
    assert first is not None
    (folder / "models" / first.card.version / HEAD).write_bytes(b"no")

    with pytest.raises(ModelInvalidError):
        read_model(folder / "models", first.card.version)
    assert lesson(folder, labels(60), day=1) is not None


def test_old_models_go_and_the_one_in_service_stays(folder: Path) -> None:
    first = lesson(folder, labels(60))
    assert first is not None
    models = folder / "models"
    _, head = read_model(models, first.card.version)
    for day in range(1, KEPT + 3):
        card = first.card.model_copy(update={"version": f"2027010{day}T000000Z-0"})
        write_model(models, card, head)
        promote(models, card.version)

    left = sorted(path.parent.name for path in models.glob(f"*/{CARD}"))
    assert len(left) == KEPT
    assert current(models) == left[-1]
