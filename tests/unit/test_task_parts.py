"""Parts of the task-adaptation layer: losses, steps of FGM, rates, temperatures, batches."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from portrait.model.task_head import Kind, probabilities
from portrait.text.text_encoder import load_pooled, load_tokenize
from portrait.training.tasks.adapt import rate_shares
from portrait.training.tasks.calibrate import calibrated
from portrait.training.tasks.figures import confusion, deciding
from portrait.training.tasks.lesson import TaskLesson, drawn
from portrait.training.tasks.losses import divergences, losses
from portrait.training.tasks.ngrams import fit_ngrams
from portrait.training.tasks.probe import fit_probe
from portrait.training.tasks.task import Labelled
from portrait.training.tasks.tower import Regularisation, TaskTower, TextBatch
from tests.support.planted_tasks import LABELS, nothing, task
from tests.support.tiny_bert import write_tiny_bert

ALIKE = torch.ones(LABELS)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def tower(folder: Path, how: Regularisation, kind: Kind = "one") -> TaskTower:
    path = str(write_tiny_bert(folder / "tiny"))
    whole = task(kind)
    made = TaskTower(
        load_pooled(path), load_tokenize(path, 16), [whole], [nothing(whole).probe], how
    )
    torch.manual_seed(0)
    with torch.no_grad():
        for head in made.heads.parameters():
            head.normal_()
    return made


def test_the_losses_are_those_of_the_formulas() -> None:
    one = torch.log(torch.tensor([[1.0, 2.0, 5.0]]))
    many = torch.tensor([[0.0, 0.0, 0.0]])
    more = torch.log(torch.tensor([[4.0, 0.25]]))  # .8 more than the first, .2 than the second

    assert losses("one", one, torch.tensor([2]), ALIKE).item() == pytest.approx(-np.log(5 / 8))
    assert losses("many", many, torch.tensor([[1.0, 0, 0]]), ALIKE).item() == pytest.approx(
        np.log(2)
    )
    assert losses("ordinal", more, torch.tensor([1]), ALIKE).item() == pytest.approx(
        -2 * np.log(0.8)
    )


@pytest.mark.parametrize("kind", ["one", "ordinal"])
def test_a_label_that_counts_twice_costs_twice(kind: Kind) -> None:
    logits = torch.randn(4, 3 if kind == "one" else 2)
    targets = torch.tensor([0, 1, 2, 1])

    weighed = losses(kind, logits, targets, torch.tensor([1.0, 2.0, 1.0]))

    shares = weighed / losses(kind, logits, targets, ALIKE)
    np.testing.assert_allclose(shares, [1, 2, 1, 2], rtol=1e-6)


def test_balanced_labels_count_alike_however_rare() -> None:
    whole = task("one", balanced=True)
    counts = np.bincount(whole.train.targets)

    np.testing.assert_allclose(counts * whole.weights, counts.sum() / LABELS)
    assert task("one").weights.tolist() == [1, 1, 1]


def test_a_rare_label_is_found_more_often_where_labels_are_balanced() -> None:
    random = np.random.default_rng(0)
    rare = (random.random(400) < 0.08).astype(np.int64)
    vectors = random.normal(size=(400, 8)).astype(np.float32)
    vectors[:, 0] += rare
    some = Labelled(["" for _ in rare], rare)
    whole = replace(task("one"), labels=("usual", "rare"), train=some, valid=some)

    plain, balanced = (
        fit_probe(replace(whole, balanced=each), vectors, vectors, (1.0,)).logits(vectors)
        for each in (False, True)
    )

    found, found_balanced = ((each.argmax(axis=1) & rare).sum() for each in (plain, balanced))
    assert found_balanced > 2 * found


def test_the_probe_is_a_logistic_regression() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(160, 6)).astype(np.float32)
    whole = task("one")

    ours = fit_probe(whole, vectors, vectors[:80], (10.0,))
    theirs = LogisticRegression(C=10.0, max_iter=2_000, tol=1e-8).fit(vectors, whole.train.targets)

    np.testing.assert_allclose(
        probabilities("one", ours.logits(vectors)), theirs.predict_proba(vectors), atol=1e-3
    )


def test_readings_that_agree_are_not_apart_and_others_are_by_both_divergences() -> None:
    one, other = torch.log(torch.tensor([[0.5, 0.5]])), torch.log(torch.tensor([[0.9, 0.1]]))
    first, second = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    both = (first * np.log(first / second)).sum() + (second * np.log(second / first)).sum()

    assert divergences("one", one, one).item() == pytest.approx(0, abs=1e-7)
    assert divergences("one", one, other).item() == pytest.approx(both / 2, rel=1e-5)
    assert divergences("one", other, one).item() == pytest.approx(both / 2, rel=1e-5)


@pytest.mark.parametrize("kind", ["many", "ordinal"])
def test_of_several_questions_the_divergences_add_up(kind: Kind) -> None:
    one, other = torch.randn(2, 3), torch.randn(2, 3)
    each = [divergences(kind, one[:, [k]], other[:, [k]]) for k in range(3)]

    torch.testing.assert_close(divergences(kind, one, other), sum(each, torch.zeros(2)))


def test_the_adversary_moves_words_so_far_and_makes_the_loss_rise(tmp_path: Path) -> None:
    made = tower(tmp_path, Regularisation(dropout=0.0, adversarial=0.3)).eval()
    batch = TextBatch(0, np.arange(24))
    seen: list[tuple[Tensor, Tensor]] = []
    plain = made._loss  # noqa: SLF001 - what the step is for

    def watched(batch: TextBatch, words: Tensor, mask: Tensor) -> Tensor:
        loss = plain(batch, words, mask)
        seen.append((words.detach(), loss.detach()))
        return loss

    made._loss = watched  # type: ignore[method-assign] # noqa: SLF001
    before = {name: value.clone() for name, value in made.state_dict().items()}
    made(batch)
    (words, loss), (moved, worse) = seen
    steps = (moved - words).flatten(1).norm(dim=1)

    torch.testing.assert_close(steps, 0.3 * words.norm(dim=2).mean().expand(24), rtol=0.02, atol=0)
    assert (worse > loss).float().mean() > 0.9
    for name, value in made.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_the_adversary_teaches_the_words_of_both_readings(tmp_path: Path) -> None:
    def slope(adversarial: float) -> Tensor:
        made = tower(tmp_path, Regularisation(dropout=0.0, adversarial=adversarial)).eval()
        loss: Tensor = made(TextBatch(0, np.arange(8)))
        words = [value for name, value in made.named_parameters() if "word_embeddings" in name]
        return torch.autograd.grad(loss, words)[0]

    plain, both = slope(0.0), slope(0.3)

    assert plain.norm() > 0
    assert (both - plain).norm() > 0.01 * plain.norm()


def test_layers_learn_the_slower_the_deeper_and_heads_faster(tmp_path: Path) -> None:
    shares = rate_shares(tower(tmp_path, Regularisation()), layer_decay=0.5, head_share=20.0)

    def of(part: str) -> set[float]:
        return {share for name, share in shares.items() if part in name}

    assert of("layer.1.") == {1.0}
    assert of("layer.0.") == {0.5}
    assert of("embeddings") == {0.25}
    assert of("heads") == {20.0}


@pytest.mark.parametrize("kind", ["one", "many", "ordinal"])
def test_a_head_that_is_too_sure_is_cooled(kind: Kind) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(4_000, 2 if kind == "ordinal" else 3)).astype(np.float32)
    logits[:] = -np.sort(-logits, axis=1) if kind == "ordinal" else logits
    likely = probabilities(kind, logits)
    drawn_codes = (likely.cumsum(axis=1) < random.random((4_000, 1))).sum(axis=1).clip(max=2)
    targets = random.random(likely.shape) < likely if kind == "many" else drawn_codes
    whole = replace(task(kind), valid=Labelled(["" for _ in targets], targets))

    assert calibrated(whole, 3 * logits).temperature == pytest.approx(3, rel=0.15)


def test_an_epoch_has_every_text_once_and_the_same_for_the_same_seed(tmp_path: Path) -> None:
    lesson = TaskLesson(tower(tmp_path, Regularisation()), 16, 0, mixed_precision=False)
    first = [batch.rows.tolist() for batch in lesson.batches(0)]
    second = [batch.rows.tolist() for batch in lesson.batches(1)]
    again = [batch.rows.tolist() for batch in lesson.batches(0)]

    assert sorted(row for rows in first for row in rows) == [*range(160)]
    assert first == again != second


def test_texts_of_one_length_come_together() -> None:
    random = np.random.default_rng(0)
    lengths = random.integers(3, 90, 1_600)

    batches = drawn(lengths, 32, random)
    padded = sum(int(lengths[rows].max()) * len(rows) for rows in batches)

    assert padded < 1.08 * lengths.sum()


def test_n_grams_know_a_label_without_examples() -> None:
    whole = task("one")
    kept = whole.train.where(np.flatnonzero(whole.train.targets != 1))

    likely = fit_ngrams(replace(whole, train=kept))(whole.valid.texts)

    assert likely.shape == (80, LABELS)
    assert (likely[:, 1] == 0).all()


def test_the_figure_that_decides_is_right_by_hand() -> None:
    sure = np.eye(3, dtype=np.float32)

    assert deciding("one", np.array([0, 1, 1]), sure) == pytest.approx(2 / 3)
    assert deciding("ordinal", np.array([0, 1, 1]), sure) == pytest.approx(1 - 1 / 3 / 2)
    assert deciding("many", np.eye(3, dtype=np.bool_), sure) == 1
    assert confusion("one", np.array([0, 1, 1]), sure).tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 0]]
