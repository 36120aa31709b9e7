"""Fine-tuning a text encoder: it learns what was planted, resumes, and passes a gate or stays."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from portrait.dataset.pairs import Pairs
from portrait.text.text_encoder import load_encoder, load_pooled, load_tokenize
from portrait.training.loop.train import Course
from portrait.training.text.contrastive import info_nce
from portrait.training.text.text_finetune import (
    Encode,
    FineTuning,
    PairBatch,
    PairsTooFewError,
    TextTower,
    fine_tune,
)
from tests.support.tiny_bert import WORDS, write_tiny_bert

GROUPS = 12
EACH = len(WORDS) // GROUPS
TEXTS = tuple(  # one word says the group, three say nothing
    f"{WORDS[place // EACH]} {WORDS[12 + place % 48]} {WORDS[12 + place * 7 % 48]} "
    f"{WORDS[12 + place * 11 % 48]}"
    for place in range(len(WORDS))
)
COURSE = Course(epochs=2, learning_rate=5e-3, warm_up=0.1, checkpoint_every=5)
HOW = FineTuning(course=COURSE, batch=8, steps=12, most_tokens=16)


def planted() -> Pairs:
    """Pair texts of the same group of five."""
    left, right = np.nonzero(np.triu(np.equal.outer(group(), group()), 1))
    return Pairs(TEXTS, left, right, np.ones(len(left), np.float32))


def group() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(len(WORDS)) // EACH


def grouped(encode: Encode) -> Mapping[str, float]:
    """Measure how much closer texts of a group are, and how often the nearest is of the group."""
    vectors = encode(TEXTS)
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    nearest = group()[similarity.argmax(axis=1)]
    np.fill_diagonal(similarity, 1)
    same = np.equal.outer(group(), group())
    return {
        "margin": float(similarity[same].mean() - similarity[~same].mean()),
        "accuracy": float((nearest == group()).mean()),
    }


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)  # two on a busy machine wait for each other


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_bert(tmp_path / "tiny")


@pytest.mark.parametrize(("rank", "rate"), [(0, 5e-3), (8, 2e-2)])
def test_a_planted_structure_is_learned(
    folder: Path, tmp_path: Path, rank: int, rate: float
) -> None:
    how = replace(HOW, lora_rank=rank, course=replace(COURSE, learning_rate=rate, epochs=4))

    report = fine_tune(folder, planted(), tmp_path / "out", how, validate=grouped)

    assert report.kept
    assert report.after["accuracy"] > report.before["accuracy"] + 0.3
    assert report.outcome.history[-1]["loss"] < 0.7 * report.outcome.history[0]["loss"]


@pytest.mark.parametrize("rank", [0, 4])
def test_the_new_folder_is_the_trained_encoder(folder: Path, tmp_path: Path, rank: int) -> None:
    trained: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = []

    def remember(encode: Encode) -> Mapping[str, float]:
        trained.append(encode(TEXTS))
        return {"figure": float(len(trained))}  # the last is the best

    exact = replace(HOW, lora_rank=rank, course=replace(COURSE, mixed_precision=False))
    report = fine_tune(folder, planted(), tmp_path / "out", exact, validate=remember)
    loaded = load_encoder(str(tmp_path / "out"), backend="torch")

    np.testing.assert_allclose(loaded.encode(TEXTS), trained[-1], atol=1e-5)
    assert np.abs(trained[-1] - trained[0]).max() > 0.01
    assert loaded.name == report.encoder != load_encoder(str(folder), backend="torch").name


def test_lora_trains_few_weights(folder: Path, tmp_path: Path) -> None:
    how = replace(HOW, lora_rank=1, course=replace(COURSE, epochs=1), steps=1)

    few = fine_tune(folder, planted(), tmp_path / "out", how, validate=grouped)
    all_ = fine_tune(
        folder, planted(), tmp_path / "out", replace(how, lora_rank=0), validate=grouped
    )

    assert few.trained_weights < 0.1 * all_.trained_weights


def test_what_is_no_better_is_not_written(folder: Path, tmp_path: Path) -> None:
    report = fine_tune(folder, planted(), tmp_path / "out", HOW, validate=lambda _: {"figure": 0.5})

    assert not report.kept
    assert not report.encoder
    assert not (tmp_path / "out").exists()


class Killed(BaseException):
    """The process died here."""


@pytest.mark.parametrize("rank", [0, 4])
def test_a_resumed_training_equals_an_undisturbed_one(
    folder: Path, tmp_path: Path, rank: int
) -> None:
    looks = 0

    def dying(encode: Encode) -> Mapping[str, float]:
        nonlocal looks
        looks += 1
        if looks == 3:  # before training, after the first epoch, after the second
            raise Killed
        return grouped(encode)

    how = replace(HOW, lora_rank=rank)
    fine_tune(folder, planted(), tmp_path / "straight", how, validate=grouped)
    with pytest.raises(Killed):
        fine_tune(
            folder,
            planted(),
            tmp_path / "resumed",
            how,
            validate=dying,
            checkpoint=tmp_path / "checkpoint",
        )
    report = fine_tune(
        folder,
        planted(),
        tmp_path / "resumed",
        how,
        validate=grouped,
        checkpoint=tmp_path / "checkpoint",
    )

    assert report.outcome.steps == 24
    straight = (tmp_path / "straight" / "model.safetensors").read_bytes()
    assert (tmp_path / "resumed" / "model.safetensors").read_bytes() == straight


def test_too_few_pairs_are_an_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PairsTooFewError, match="do not make one batch of 64"):
        fine_tune(folder, planted(), tmp_path, replace(HOW, batch=64), validate=grouped)


def test_pairs_of_one_group_are_not_told_apart(folder: Path) -> None:
    pairs = planted()
    tower = TextTower(load_pooled(str(folder)), load_tokenize(str(folder)), pairs, HOW)
    alike = PairBatch(np.array([0, 1]), np.array([2, 3]))  # all four of the first group
    strange = PairBatch(np.array([0, 5]), np.array([2, 7]))

    assert float(tower(alike).detach()) == pytest.approx(0, abs=1e-5)
    assert float(tower(strange).detach()) > 0.1


def test_a_batch_is_encoded_in_its_order(folder: Path) -> None:
    tokenize = load_tokenize(str(folder))
    few = replace(HOW, forward_tokens=16)  # several passes, sorted by length
    tower = TextTower(load_pooled(str(folder)), tokenize, planted(), few)
    texts = ["w1 w2 w3 w4 w5", "w6", "w7 w8 w9", "w10 w11 w12 w13 w14 w15", "w16"]

    together = tower.encode(texts)

    singles = load_encoder(str(folder), backend="torch").encode(texts)
    assert (together * singles).sum(axis=1).min() > 0.999


def test_processes_share_a_batch() -> None:
    whole = PairBatch(np.arange(5), np.arange(5, 10))

    parts = [whole.part(place, 2) for place in range(2)]

    assert [part.examples for part in parts] == [3, 2]
    assert sorted(np.concatenate([part.left for part in parts]).tolist()) == list(range(5))


def rows(*angles: float) -> torch.Tensor:
    return torch.tensor([[np.cos(angle), np.sin(angle)] for angle in angles], dtype=torch.float32)


def test_the_loss_matches_a_case_worked_by_hand() -> None:
    left, right = rows(0, np.pi / 2), rows(0, 0)  # similarities 1 1 / 0 0

    loss = info_nce(left, right, torch.eye(2, dtype=torch.bool), temperature=0.5)

    there = 2 * np.log(2)  # each row: two equal logits
    back = np.log(1 + np.exp(-2)) + np.log(1 + np.exp(2))  # columns: logits 2 and 0
    assert float(loss) == pytest.approx((there + back) / 2, rel=1e-5)


def test_a_known_pair_is_no_example_of_difference() -> None:
    left, right = rows(0, 1), rows(0, 1)
    known = torch.ones(2, 2, dtype=torch.bool)

    assert float(info_nce(left, right, known, 0.05)) == pytest.approx(0, abs=1e-6)
    assert float(info_nce(left, right, torch.eye(2, dtype=torch.bool), 0.05)) > 1e-4
