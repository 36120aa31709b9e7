"""A reader of reviews out of a training: fine-tuned, kept only if it reads them better than others.

archive ─▶ reviews ─▶ task ─▶ words, n-grams, frozen + linear ─▶ fine-tuned ─▶ judged once
                                                                └─▶ who or where: no change?

How it came out: `outcome.py`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from portrait.archive.archive import Archive
from portrait.arrays import Codes
from portrait.dataset.reviews import read_reviews
from portrait.evaluation.classification import precision_recall_f1
from portrait.events.tone import reads_negative
from portrait.lifecycle.artifact import READER
from portrait.model.task_head import TaskHead
from portrait.text.task_reader import load_heads, save_heads
from portrait.text.text_encoder import load_tokenize
from portrait.text.unnamed import unnamed
from portrait.tracker import Tracker
from portrait.training.loop.train import Course
from portrait.training.tasks.adapt import Adaptation, Adapted, adapt
from portrait.training.tasks.again import made_of, once_more
from portrait.training.tasks.aspect import ASPECT, fit_aspects
from portrait.training.tasks.baselines import fit_baselines
from portrait.training.tasks.checklist import moved
from portrait.training.tasks.figures import deciding, rounded
from portrait.training.tasks.ngrams import Ngrams
from portrait.training.tasks.outcome import Outcome, Told, refused, sentence
from portrait.training.tasks.readings import FrozenReading, TunedReading
from portrait.training.tasks.report import FROZEN, NGRAMS, TUNED, verdict
from portrait.training.tasks.task import Labelled
from portrait.training.tasks.threshold import NEVER
from portrait.training.tasks.tone import LABELS, TONE, Sizes, ToneTask, language_of, tone_task
from portrait.training.tasks.words import WORDS, fit_words

TONE_OUTCOME = Outcome("tone.json", READER)
MOST_READ = 20_000  # reviews of the archive, the newest: some 10 MB of text
LEAST_OF_EACH = 5  # bad and good reviews to choose by, and to judge by: fewer tell nothing
LEAST_PRECISION = 0.85  # of what is called bad on what judges; it was chosen for `PRECISION`
MOST_MOVED = 0.05  # of the check list's cases: it says one thing of John, another of Lakisha
BAD = LABELS.index("bad")
GOOD = LABELS.index("good")


@dataclass(frozen=True, slots=True)
class ToneTraining:
    """How a reader is made."""

    base: Path  # folder of the encoder to begin from
    least: int = 300  # labelled reviews
    sizes: Sizes = field(default_factory=Sizes)
    how: Adaptation = field(
        default_factory=lambda: Adaptation(Course(epochs=2, learning_rate=6e-5, warm_up=0.1))
    )
    most_tokens: int = 100_000  # read in all passes together: what bounds the time
    most_epochs: int = 6  # of short texts; there are as many as `most_tokens` allows
    readers: Path | None = None  # where the last one is kept, to be taken again; None: nowhere


def fit_tone(
    folder: Path, archive: Archive, asked: ToneTraining, seed: int, tracker: Tracker
) -> None:
    """Make a reader into `folder`, unless that has been done.

    Args:
        folder: Of the version.
        archive: Where reviews are.
        asked: How.
        seed: Of all that is drawn.
        tracker: Where the curves go, and how far it is.
    """
    TONE_OUTCOME.once(folder, lambda out: _fitted(out, archive, asked, seed, tracker))


def _fitted(out: Path, archive: Archive, asked: ToneTraining, seed: int, tracker: Tracker) -> Told:
    """Learn and judge. Returns what is told of it."""
    reviews = read_reviews(archive, MOST_READ)
    if len(reviews) < asked.least:
        return refused(f"There are {len(reviews)} reviews with stars of {asked.least} needed.")
    if not asked.base.is_dir():
        return refused("The encoder lies in no folder that it could be learned from.")
    cut = tone_task(reviews, asked.sizes, seed)
    if few := _few(cut):
        return refused(few)
    course = replace(asked.how.course, seed=seed, epochs=_epochs(asked, cut.task.train.texts))
    how = replace(asked.how, course=course)
    read = map(unnamed, reviews.texts)
    said = zip(read, reviews.stars.tolist(), reviews.users.tolist(), strict=True)
    return once_more(
        asked.readers,
        TONE,
        made_of(asked.base, said, asked.sizes, how),
        out,
        lambda out: _learned(out, cut, asked.base, how, tracker),
    )


def _epochs(asked: ToneTraining, texts: Sequence[str]) -> int:
    """Return how often texts are learned from: short ones more often, in the same time."""
    usual = asked.how.course.epochs
    tokens = sum(map(len, load_tokenize(str(asked.base), asked.how.most_tokens)(texts)))
    return max(usual, min(asked.most_epochs, asked.most_tokens // tokens))


def _learned(out: Path, cut: ToneTask, base: Path, how: Adaptation, tracker: Tracker) -> Told:
    task = cut.task
    (fitted,) = fit_baselines(
        base,
        [task],
        most_tokens=how.most_tokens,
        mixed_precision=how.course.mixed_precision,
    )
    tracker.reach(0.0)  # somebody may have cancelled it meanwhile
    read_words = fit_words(task)
    baseline = replace(fitted, others={WORDS: read_words(task.valid.texts)})
    done = adapt(base, [task], [baseline], out, how, tracker=tracker)
    (report,) = done.reports
    told: Told = {
        "reviews": {
            "learned": len(task.train) - cut.clauses,
            "clauses": cut.clauses,
            "chosen_by": len(task.valid),
            "judged_by": len(cut.test),
        },
        "seconds": round(report.seconds, 1),
        "chosen": {name: rounded(each) for name, each in report.figures.items()},
    }
    if not report.kept:
        return told | refused(sentence(report.reason))
    simpler = {
        WORDS: read_words,
        NGRAMS: baseline.read_ngrams,
        FROZEN: FrozenReading(task, baseline, base, how),
    }
    judged = _judged(cut.test, load_heads(out)[TONE], TunedReading(task, done), simpler)
    if judged["kept"]:
        judged["aspects"] = _aspects(out, done, {language_of(text) for text in task.train.texts})
    return told | judged | {"encoder": done.encoder}


def _aspects(out: Path, done: Adapted, languages: Collection[str]) -> Told:
    """Learn what the reader's vectors tell of aspects, and lay that beside the tone."""
    head, told = fit_aspects(done.encoder, done.lesson.encode, languages)
    if head is not None:
        save_heads(out, {ASPECT: head})
    return told


def _judged(
    test: Labelled, head: TaskHead, tuned: TunedReading, simpler: Mapping[str, Ngrams]
) -> Told:
    """Look at the reviews that judge, once."""
    likely = {name: read(test.texts) for name, read in {**simpler, TUNED: tuned}.items()}
    figures = {
        name: {"deciding": deciding("ordinal", test.targets, each)} for name, each in likely.items()
    }
    blame = {
        WORDS: np.array([reads_negative(text) for text in test.texts]),
        TUNED: head.said(likely[TUNED]) == BAD,
    }
    found = {name: precision_recall_f1(test.targets == BAD, each) for name, each in blame.items()}
    languages = sorted({language_of(text) for text in test.texts})

    def says(texts: Sequence[str]) -> Codes:
        return head.said(tuned([unnamed(text) for text in texts]))  # as the stream asks

    changed = {language: moved(says, language) for language in languages}
    kept, reason = _verdict(head, figures, found[TUNED]["precision"], changed)
    return {
        "kept": kept,
        "reason": reason,
        "figures": {name: rounded(each) for name, each in figures.items()},
        "blame": {name: rounded(each) for name, each in found.items()},
        "moved_by_who_or_where": rounded(changed),
    }


def _verdict(
    head: TaskHead,
    figures: Mapping[str, Mapping[str, float]],
    precision: float,
    changed: Mapping[str, float],
) -> tuple[bool, str]:
    """Say whether a reader may serve, and why not."""
    better, reason = verdict(figures)
    if not better:
        return False, sentence(reason)
    if head.least is None or head.least[BAD] == NEVER:
        return False, "It is never so sure of blame that it is right often enough."
    if precision < LEAST_PRECISION:
        return False, f"Of what it calls bad, {precision:.2f} is; {LEAST_PRECISION} is asked for."
    if (worst := max(changed.values())) > MOST_MOVED:
        return False, (
            f"Of texts that differ by who wrote them or where from, {worst:.2f} of the cases "
            f"are read differently; {MOST_MOVED} may be."
        )
    return True, sentence(reason)


def _few(cut: ToneTask) -> str:
    """Say what there is too little of; empty if there is enough."""
    for texts, purpose in ((cut.task.valid, "choose"), (cut.test, "judge")):
        counts = np.bincount(texts.targets, minlength=len(LABELS))
        for label in (BAD, GOOD):
            if counts[label] < LEAST_OF_EACH:
                return (
                    f"There are {counts[label]} {LABELS[label]} reviews to {purpose} by, of "
                    f"{LEAST_OF_EACH} needed."
                )
    return ""
