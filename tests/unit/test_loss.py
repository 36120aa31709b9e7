"""Losses: worked by hand, and the sampled one against the full one."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from portrait.training.ranker.loss import Candidates, draw_candidates, full_softmax, sampled_softmax

ONE = torch.tensor(1.0)
AXES = torch.eye(3)
ONCE = torch.ones(5)  # what examples count that came of no list


def drawn(count: int, seed: int = 0) -> Tensor:
    return normalize(torch.randn(count, 4, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_the_loss_is_minus_the_log_of_the_targets_share() -> None:
    half = torch.tensor(0.5)
    loss = full_softmax(
        AXES[:1], AXES, torch.tensor([0]), torch.tensor([[-1]]), ONCE[:1], temperature=half
    )

    e2 = torch.tensor(2.0).exp()
    assert loss.item() == pytest.approx(-(e2 / (e2 + 2)).log().item(), rel=1e-6)


def test_seen_items_leave_the_denominator() -> None:
    loss = full_softmax(
        AXES[:1], AXES, torch.tensor([0]), torch.tensor([[1, -1]]), ONCE[:1], temperature=ONE
    )

    e = ONE.exp()
    assert loss.item() == pytest.approx(-(e / (e + 1)).log().item(), rel=1e-6)


def test_a_target_that_was_seen_before_stays() -> None:
    alone, again = (
        full_softmax(
            AXES[:1], AXES, torch.tensor([0]), torch.tensor([seen]), ONCE[:1], temperature=ONE
        )
        for seen in ([-1], [0])
    )

    assert alone == again


def test_losses_of_examples_add_up() -> None:
    states, items = drawn(5, 1), drawn(9, 2)
    targets, seen = torch.arange(5), torch.full((5, 1), -1)

    together = full_softmax(states, items, targets, seen, ONCE[: len(states)], temperature=ONE)

    apart = [
        full_softmax(states[[i]], items, targets[[i]], seen[[i]], ONCE[:1], temperature=ONE)
        for i in range(5)
    ]
    assert together.item() == pytest.approx(torch.stack(apart).sum().item(), rel=1e-5)


def test_gradients_are_those_of_plain_cross_entropy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portrait.training.ranker.loss.MOST_LOGITS", 18)  # two examples at a time
    states, items = drawn(5, 1).requires_grad_(), drawn(9, 2).requires_grad_()
    targets, seen = torch.tensor([4, 5, 6, 7, 0]), torch.tensor([[0, 2]] * 5)

    loss = full_softmax(
        states, items, targets, seen, ONCE[: len(states)], temperature=torch.tensor(0.5)
    )
    ours = torch.autograd.grad(3 * loss, (states, items))

    logits = states @ items.T / 0.5
    logits[:4, 0] = logits[:, 2] = -1e4  # the last example's target was seen
    plain = torch.autograd.grad(
        3 * cross_entropy(logits, targets, reduction="sum"), (states, items)
    )
    for mine, theirs in zip(ours, plain, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("loss", ["full", "sampled"])
def test_what_counts_twice_is_twice_in_the_loss_and_its_gradient(
    loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portrait.training.ranker.loss.MOST_LOGITS", 18)  # two examples at a time
    states, items = drawn(5, 1).requires_grad_(), drawn(9, 2).requires_grad_()
    targets, seen = torch.tensor([4, 5, 6, 7, 1]), torch.tensor([[0, 2]] * 5)
    weights = torch.tensor([1.0, 2.0, 0.25, 3.0, 0.5])

    if loss == "full":
        ours = full_softmax(states, items, targets, seen, weights, temperature=ONE)
    else:
        ours = sampled_softmax(
            states=states,
            target_items=items[targets],
            candidate_items=items,
            targets=targets,
            seen=seen,
            weights=weights,
            candidates=Candidates(torch.arange(9), torch.zeros(9)),
            temperature=ONE,
        )

    logits = states @ items.T
    logits[:, [0, 2]] = -1e4
    plain = (weights * cross_entropy(logits, targets, reduction="none")).sum()
    torch.testing.assert_close(ours, plain)
    for mine, theirs in zip(
        torch.autograd.grad(ours, (states, items)),
        torch.autograd.grad(plain, (states, items)),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_every_other_item_drawn_once_is_the_full_loss() -> None:
    states, items = drawn(2, 1), drawn(6, 2)
    targets, seen = torch.tensor([4, 5]), torch.tensor([[0, 2], [1, -1]])
    everything = Candidates(torch.arange(6), torch.zeros(6))

    sampled = sampled_softmax(
        states=states,
        target_items=items[targets],
        candidate_items=items,
        targets=targets,
        seen=seen,
        weights=ONCE[: len(states)],
        candidates=everything,
        temperature=ONE,
    )

    full = full_softmax(states, items, targets, seen, ONCE[: len(states)], temperature=ONE)
    assert sampled.item() == pytest.approx(full.item(), rel=1e-6)


@pytest.mark.parametrize("in_batch", [0.0, 0.6])
def test_with_many_draws_the_sampled_denominator_is_the_full_one(in_batch: float) -> None:
    states, items = drawn(4, 1), drawn(12, 2)
    targets, seen = torch.tensor([3, 3, 7, 9]), torch.tensor([[0], [1], [2], [-1]])
    candidates = draw_candidates(
        targets, 12, 40_000, in_batch=in_batch, generator=torch.Generator().manual_seed(0)
    )

    sampled = sampled_softmax(
        states=states,
        target_items=items[targets],
        candidate_items=items[candidates.rows],
        targets=targets,
        seen=seen,
        weights=ONCE[: len(states)],
        candidates=candidates,
        temperature=torch.tensor(0.5),
    )

    full = full_softmax(
        states, items, targets, seen, ONCE[: len(states)], temperature=torch.tensor(0.5)
    )
    assert sampled.item() == pytest.approx(full.item(), rel=0.01)


def test_expected_draws_add_up_to_the_draws() -> None:
    targets = torch.tensor([0, 0, 1])

    candidates = draw_candidates(
        targets, 5, 10, in_batch=0.6, generator=torch.Generator().manual_seed(0)
    )

    by_item = {
        int(row): float(log.exp())
        for row, log in zip(candidates.rows, candidates.log_expected, strict=True)
    }
    assert by_item[0] == pytest.approx(6 * 2 / 3 + 4 / 5)
    assert len(candidates.rows) == 10
