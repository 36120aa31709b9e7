"""Fine-tuning the text encoder in the course of a training: only if it places texts better.

material ─▶ pairs ─▶ fine-tuned from the base encoder ─▶ better on validation? ─▶ the version's own

It always begins from the encoder that the settings name, so that no drift adds up over months.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from portrait.arrays import Codes
from portrait.dataset.interactions import NO_ITEM, Interactions
from portrait.dataset.pairs import behaviour_pairs
from portrait.evaluation.validation import validation_of
from portrait.inference.ranker import Ranker
from portrait.lifecycle.artifact import ENCODER
from portrait.model.encoder import TextEncoder
from portrait.model.learned import untaught
from portrait.model.space import fit_space
from portrait.text.text_encoder import load_encoder
from portrait.tracker import Tracker
from portrait.training.material import Material
from portrait.training.text.text_finetune import (
    Encode,
    FineTuning,
    PairsTooFewError,
    Validate,
    fine_tune,
)

MOST_TEXTS = 2_000  # of the items that a look at the validation encodes
OUTCOME = "text.json"  # says that the fine-tuning has ended, and how


@dataclass(frozen=True, slots=True)
class Retext:
    """How to fine-tune the text encoder."""

    base: Path  # folder of the encoder to begin from
    how: FineTuning


def retext(folder: Path, material: Material, asked: Retext, tracker: Tracker) -> None:
    """Fine-tune into `folder`, unless that has been done.

    Args:
        folder: Of the version.
        material: What is learned from.
        asked: How.
        tracker: Where the curves go.
    """
    outcome = folder / OUTCOME
    if outcome.exists():
        return
    learned = material.learned
    try:
        report = fine_tune(
            asked.base,
            behaviour_pairs(learned, material.texts),
            folder / ENCODER,
            asked.how,
            validate=_validation(material, learned),
            tracker=tracker,
            checkpoint=folder / "text.pt",
        )
    except PairsTooFewError as error:
        told: Mapping[str, object] = {"kept": False, "reason": str(error)}
    else:
        told = {
            "kept": report.kept,
            "before": dict(report.before),
            "after": dict(report.after),
            "pairs": report.pairs,
            "trained_weights": report.trained_weights,
        }
    aside = outcome.with_suffix(".new")
    aside.write_text(json.dumps(told))
    aside.replace(outcome)


def told_of(folder: Path) -> dict[str, object] | None:
    """Return how the fine-tuning of a version went; None if there was none."""
    try:
        told: dict[str, object] = json.loads((folder / OUTCOME).read_text())
    except FileNotFoundError:
        return None
    return told


def kept_folder(folder: Path) -> Path | None:
    """Return where the encoder lies that was fine-tuned for a version, if it was kept."""
    told = told_of(folder)
    return folder / ENCODER if told is not None and told["kept"] else None


def own_encoder(folder: Path, threads: int) -> TextEncoder | None:
    """Load that encoder."""
    kept = kept_folder(folder)
    return None if kept is None else load_encoder(str(kept), threads=threads)


def _validation(material: Material, learned: Interactions) -> Validate:
    """Rank what users took next by the decayed mean of texts, among some of the items."""
    few = _few_items(material, learned)
    row = np.full(len(learned.items) + 1, NO_ITEM, np.int64)  # the last: of a search
    row[few] = np.arange(len(few))
    kept = row[material.events.item] != NO_ITEM
    events = material.events.where(kept)
    events = replace(events, items=events.items[few], item=row[events.item])
    asked = material.questions[kept[material.questions]]
    places = np.cumsum(kept)[asked] - 1
    places = places[places > events.starts[events.user[places]]]
    validation = validation_of(events, events.user[places], events.item[places], places)
    texts = [material.texts[row] for row in few.tolist()]

    def validate(encode: Encode) -> Mapping[str, float]:
        embeddings = encode(texts)
        space = fit_space("", embeddings)
        ranker = Ranker.over(untaught(space.dim), events.items, space.place(embeddings))
        return validation.figures(
            lambda users: ranker.scores(validation.rows[users], validation.events[users])
        )

    return validate


def _few_items(material: Material, learned: Interactions) -> Codes:
    """Return the rows of the items with texts that were touched most, ascending."""
    touched = learned.item[learned.item != NO_ITEM]
    counts = np.bincount(touched, minlength=len(learned.items))
    has_text = np.array([bool(text) for text in material.texts])
    order = np.argsort(-counts * has_text, kind="stable")
    return np.sort(order[has_text[order]][:MOST_TEXTS])
