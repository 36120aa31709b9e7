"""A reader of places out of a training: fine-tuned, kept only if it knows them better than others.

catalogue ─▶ items with a category ─▶ task ─▶ n-grams, frozen + linear ─▶ fine-tuned ─▶ judged once
                                                     └─▶ from which probability on is .95 right?

It is made only where the catalogue has items without a category. How it came out: `outcome.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from portrait.arrays import Flags, Floats, Rows
from portrait.events.category import paths_to
from portrait.events.item import Item
from portrait.lifecycle.artifact import PLACES
from portrait.model.places import Places, places_of
from portrait.model.task_head import SILENT
from portrait.text.task_reader import load_heads, save_heads
from portrait.tracker import Tracker
from portrait.training.loop.train import Course
from portrait.training.tasks.adapt import Adaptation, adapt
from portrait.training.tasks.again import made_of, once_more
from portrait.training.tasks.baselines import fit_baselines
from portrait.training.tasks.figures import deciding, rounded
from portrait.training.tasks.ngrams import Ngrams
from portrait.training.tasks.outcome import Outcome, Told, refused, sentence
from portrait.training.tasks.place import (
    PLACE,
    PRECISION,
    Placed,
    PlaceTask,
    Sizes,
    place_task,
)
from portrait.training.tasks.readings import FrozenReading, TunedReading
from portrait.training.tasks.report import FROZEN, NGRAMS, TUNED, verdict
from portrait.training.tasks.threshold import LEAST_SAID, LIKELIER, NEVER
from portrait.training.tasks.tower import Regularisation

PLACE_OUTCOME = Outcome("places.json", PLACES)
LEAST_LABELS, LEAST_TO_JUDGE = 2, 50
LEAST_PRECISION = 0.9  # of what is said on what judges; it was chosen for `PRECISION`


@dataclass(frozen=True, slots=True)
class PlaceTraining:
    """How a reader is made."""

    base: Path  # folder of the encoder to begin from
    least: int = 500  # items with a category
    sizes: Sizes = field(default_factory=Sizes)
    how: Adaptation = field(
        default_factory=lambda: Adaptation(
            Course(epochs=5, learning_rate=6e-5, warm_up=0.1, patience=5),
            Regularisation(adversarial=0.3),
            most_tokens=48,
            layer_decay=0.9,
        )
    )
    readers: Path | None = None  # where the last one is kept, to be taken again; None: nowhere


def fit_place(
    folder: Path, items: Sequence[Item], asked: PlaceTraining, seed: int, tracker: Tracker
) -> None:
    """Make a reader into the folder of a version, unless that has been done.

    Args:
        folder: Of the version.
        items: The catalogue.
        asked: How.
        seed: Of all that is drawn.
        tracker: Where the curves go, and how far it is.
    """
    PLACE_OUTCOME.once(folder, lambda out: _fitted(out, items, asked, seed, tracker))


def _fitted(
    out: Path, items: Sequence[Item], asked: PlaceTraining, seed: int, tracker: Tracker
) -> Told:
    """Learn and judge, if there is anything to read. Returns what is told of it."""
    lacking = sum(item.lacks_category for item in items)
    if not lacking:
        return refused("Every item has a category.")
    return {"lacking": lacking} | _made(out, items, asked, seed, tracker)


def _made(
    out: Path, items: Sequence[Item], asked: PlaceTraining, seed: int, tracker: Tracker
) -> Told:
    if not asked.base.is_dir():
        return refused("The encoder lies in no folder that it could be learned from.")
    cut = place_task(items, asked.sizes)
    if few := _few(cut, asked.least):
        return refused(few)
    how = replace(asked.how, course=replace(asked.how.course, seed=seed))
    said = ((item.text, item.category, item.group_id) for item in items)
    return once_more(
        asked.readers,
        PLACE,
        made_of(asked.base, said, asked.sizes, how),
        out,
        lambda out: _learned(out, cut, asked.base, how, tracker),
    )


def _learned(out: Path, cut: PlaceTask, base: Path, how: Adaptation, tracker: Tracker) -> Told:
    task = cut.task
    (baseline,) = fit_baselines(
        base,
        [task],
        most_tokens=how.most_tokens,
        mixed_precision=how.course.mixed_precision,
    )
    tracker.reach(0.0)  # somebody may have cancelled it meanwhile
    done = adapt(base, [task], [baseline], out, how, tracker=tracker)
    (report,) = done.reports
    told: Told = {
        "items": {
            "learned": len(task.train),
            "chosen_by": len(cut.choosing),
            "judged_by": len(cut.judging),
        },
        "places": len(task.labels),
        "seconds": round(report.seconds, 1),
        "chosen": {name: rounded(each) for name, each in report.figures.items()},
    }
    if not report.kept:
        return told | refused(sentence(report.reason))
    simpler = {
        NGRAMS: baseline.read_ngrams,
        FROZEN: FrozenReading(task, baseline, base, how),
    }
    judged = _judged(cut, TunedReading(task, done), simpler, out)
    return told | judged | {"encoder": done.encoder}


def _judged(cut: PlaceTask, tuned: TunedReading, simpler: Mapping[str, Ngrams], out: Path) -> Told:
    """Choose from which probability on a place is said; then look at what judges, once."""
    places = places_of(cut.task.labels)
    least = least_for(places, tuned(cut.choosing.texts), cut.choosing)
    head = load_heads(out)[PLACE]
    every = np.full(len(head.labels), least, np.float32)
    save_heads(out, {PLACE: replace(head, least=every)})
    test = cut.judging.labelled(cut.task.labels)
    figures = {
        name: {"deciding": deciding("one", test.targets, read(test.texts))}
        for name, read in {**simpler, TUNED: tuned}.items()
    }
    said = places.deepest(places.likely(tuned(cut.judging.texts)), least)
    is_right, spoken = rightly(places, said, cut.judging), said != SILENT
    precision = float(is_right[spoken].mean()) if spoken.any() else 0.0
    kept, reason = _verdict(figures, least, precision)
    return {
        "kept": kept,
        "reason": reason,
        "figures": {name: rounded(each) for name, each in figures.items()},
        "said": rounded({"share": float(spoken.mean()), "precision": precision}),
    }


def least_for(places: Places, likely: Floats, choosing: Placed) -> float:
    """Return the lowest probability from which on what is said is right often enough.

    What is said from a lower one on lies deeper, so how often it is right need not fall with it:
    each is tried. What is likelier not to hold is never said.

    Args:
        places: The tree.
        likely: (V, C), of the labels.
        choosing: The items.
    """
    of_paths = places.likely(likely)
    for least in np.unique(np.round(of_paths[of_paths > LIKELIER], 2)).tolist():
        said = places.deepest(of_paths, least)
        spoken = said != SILENT
        right = rightly(places, said, choosing)[spoken]
        if len(right) >= LEAST_SAID and right.mean() >= PRECISION:
            return float(least)
    return NEVER


def rightly(places: Places, said: Rows, items: Placed) -> Flags:
    """Say of each item, (B,), whether it lies in what is said of it; False where nothing is."""
    return np.array(
        [
            place != SILENT and places.paths[place] in paths_to(path)
            for place, path in zip(said.tolist(), items.paths, strict=True)
        ],
        np.bool_,
    )


def _verdict(
    figures: Mapping[str, Mapping[str, float]], least: float, precision: float
) -> tuple[bool, str]:
    """Say whether a reader may serve, and why not."""
    better, reason = verdict(figures)
    if not better:
        return False, sentence(reason)
    if least == NEVER:
        return False, "It is never so sure of a place that it is right often enough."
    if precision < LEAST_PRECISION:
        return False, f"Of what it says, {precision:.2f} is so; {LEAST_PRECISION} is asked for."
    return True, sentence(reason)


def _few(cut: PlaceTask, least: int) -> str:
    """Say what there is too little of; empty if there is enough."""
    having = len(cut.task.train) + len(cut.choosing) + len(cut.judging)
    if having < least:
        return f"There are {having} items with a category of {least} needed."
    if len(cut.task.labels) < LEAST_LABELS:
        return "There are no two categories with enough items each."
    labelled = len(cut.judging.labelled(cut.task.labels))
    if min(len(cut.task.valid), labelled) < LEAST_TO_JUDGE:
        return f"There are {labelled} items to judge by, of {LEAST_TO_JUDGE} needed."
    return ""
