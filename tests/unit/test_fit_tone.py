"""A reader of reviews: learned from the archive, judged on what nobody has seen, kept if better."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from portrait.archive.archive import Archive
from portrait.dataset.reviews import Reviews
from portrait.lifecycle.artifact import READER, fetch
from portrait.text.task_reader import load_reader
from portrait.training.material import HASHES, mixed
from portrait.training.tasks.fit_tone import TONE_OUTCOME, ToneTraining, fit_tone
from portrait.training.tasks.threshold import NEVER
from portrait.training.tasks.tone import LABELS, TONE, Sizes, labels_of, tone_task
from tests.support.archives import memory_archive
from tests.support.planted_reviews import FILLER, HOW, keep_reviews, written
from tests.support.tiny_bert import write_tiny_bert
from tests.unit.test_learner import KilledError, Noted, Shop

COUNT = 900


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("bert") / "tiny")


def reviewed(count: int = COUNT) -> Archive:
    archive = memory_archive()
    keep_reviews(archive, *written(count, 0))
    return archive


def fitted(folder: Path, archive: Archive, asked: ToneTraining) -> dict[str, object]:
    folder.mkdir(exist_ok=True)
    noted = Noted()
    noted.stage("tone")
    fit_tone(folder, archive, asked, 0, noted)
    told = TONE_OUTCOME.told(folder)
    assert told is not None
    return told


def test_what_reads_better_than_all_others_is_kept_and_reads_what_nobody_has_seen(
    base: Path, tmp_path: Path
) -> None:
    told = fitted(tmp_path, reviewed(), ToneTraining(base, how=HOW))

    figures = json.loads(json.dumps(told))["figures"]
    assert set(figures) == {"words", "n-grams", "frozen + linear", "fine-tuned"}
    assert figures["fine-tuned"]["deciding"] > figures["n-grams"]["deciding"] + 0.2
    assert TONE_OUTCOME.kept(tmp_path) == tmp_path / READER
    reader = load_reader(tmp_path / READER, backend="torch")
    texts, stars = written(200, 7)
    head = reader.heads[TONE]
    said = head.said(reader(texts)[TONE])
    assert (said == labels_of(np.array(stars, np.float32))).mean() > 0.9
    assert head.labels == LABELS
    assert head.least is not None
    assert head.least[LABELS.index("middling")] == NEVER  # nobody was middling


def test_what_a_simpler_reading_knows_as_well_is_left_to_the_words(
    base: Path, tmp_path: Path
) -> None:
    archive, random = memory_archive(), np.random.default_rng(0)
    good = random.integers(2, size=COUNT)
    texts = [
        f"{FILLER[tone]} {FILLER[2 + n % 9]} {FILLER[9 + n % 8]}" for n, tone in enumerate(good)
    ]
    keep_reviews(
        archive, [f"{text} {n}" for n, text in enumerate(texts)], [1.0 + 4 * each for each in good]
    )

    told = fitted(tmp_path, archive, ToneTraining(base, how=HOW))

    assert not told["kept"]
    assert "does not beat" in str(told["reason"])
    assert not (tmp_path / READER).exists()
    assert TONE_OUTCOME.kept(tmp_path) is None


@pytest.mark.parametrize(("count", "reason"), [(40, "40 reviews with stars of 300"), (0, "0 rev")])
def test_from_few_reviews_nothing_is_learned(
    base: Path, tmp_path: Path, count: int, reason: str
) -> None:
    told = fitted(tmp_path, reviewed(count), ToneTraining(base, how=HOW))

    assert not told["kept"]
    assert reason in str(told["reason"])


def test_where_nobody_complains_nothing_is_learned(base: Path, tmp_path: Path) -> None:
    archive, (texts, _) = memory_archive(), written(COUNT, 0)
    keep_reviews(archive, texts, [5.0] * COUNT)

    told = fitted(tmp_path, archive, ToneTraining(base, how=HOW))

    assert told["reason"] == "There are 0 bad reviews to choose by, of 5 needed."


def test_what_has_ended_is_not_done_again_and_what_was_killed_ends_the_same(
    base: Path, tmp_path: Path
) -> None:
    short = replace(HOW, course=replace(HOW.course, epochs=2))
    archive, asked = reviewed(), ToneTraining(base, how=short)
    quiet = fitted(tmp_path / "quiet", archive, asked)
    (tmp_path / "killed").mkdir()
    killed = Noted(dies_at=5)
    killed.stage("tone")
    with pytest.raises(KilledError):
        fit_tone(tmp_path / "killed", archive, asked, 0, killed)
    assert TONE_OUTCOME.told(tmp_path / "killed") is None

    again = fitted(tmp_path / "killed", archive, asked)
    written_at = (tmp_path / "killed" / TONE_OUTCOME.name).stat().st_mtime_ns
    fitted(tmp_path / "killed", archive, asked)

    assert again["chosen"] == quiet["chosen"]
    assert (tmp_path / "killed" / TONE_OUTCOME.name).stat().st_mtime_ns == written_at


def test_plain_clauses_of_what_is_learned_from_are_learned_too_and_no_whole_review() -> None:
    texts = (
        "The lid is awful. We live near the sea.",  # of one clause its words agree with the star
        "So awful it is not. I find it excellent.",  # with five
        "awful colour",
        "Its shape is excellent. Awful colour.",
        "awful smell",  # of whoever judges
    )
    stars = np.array([1, 5, 1, 1, 1], np.float32)
    users = np.arange(1_000, dtype=np.uint64)
    share = mixed(users) / HASHES
    writers = np.r_[users[share >= 0.35][:4], users[share < 0.2][:1]]

    cut = tone_task(Reviews(texts, stars, writers), Sizes(), 0)

    learned = cut.task.train
    assert (cut.clauses, len(learned)) == (2, 6)
    found = dict(zip(learned.texts[4:], learned.targets[4:].tolist(), strict=True))
    begun = {text[:6]: label for text, label in found.items()}  # a name or a place may follow
    assert begun == {"the li": LABELS.index("bad"), "i find": LABELS.index("good")}


def test_of_the_same_reviews_the_last_reader_is_taken_again_and_of_others_another_is_made(
    base: Path, tmp_path: Path
) -> None:
    short = replace(HOW, course=replace(HOW.course, epochs=1))
    asked = ToneTraining(base, how=short, readers=tmp_path / "readers")
    first = fitted(tmp_path / "v1", reviewed(), asked)

    again = fitted(tmp_path / "v2", reviewed(), asked)
    other = fitted(tmp_path / "v3", reviewed(COUNT - 1), asked)  # one was taken back

    assert again == {**first, "taken_again": True}
    assert TONE_OUTCOME.kept(tmp_path / "v2") == (
        tmp_path / "v2" / READER if first["kept"] else None
    )
    assert "taken_again" not in other


def test_a_model_brings_its_reader_along_and_tells_how_it_came_out(
    base: Path, tmp_path: Path
) -> None:
    shop = Shop(tmp_path)
    keep_reviews(shop.archive, *written(COUNT, 0))
    shop.plan = replace(shop.plan, tone=ToneTraining(base, how=HOW), with_heads=False)

    trained = shop.learn("v1", None)

    assert "fine-tuning what reads reviews" in shop.noted.stages
    assert max(shop.noted.shares["fine-tuning what reads reviews"]) == 1
    assert trained.manifest.metrics["tone"] == json.loads(
        json.dumps(TONE_OUTCOME.told(shop.plan.folder / "v1"))
    )
    assert trained.artifact is not None
    folder = fetch(trained.artifact, tmp_path / "cache", trained.digest)
    assert load_reader(folder / READER, backend="torch").heads[TONE].labels == LABELS
