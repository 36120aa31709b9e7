"""The examiner: what is measured of a model on the material of a training.

material ─▶ exam: newest slice of everybody, older slices of those held out ─ sit ─▶ Figures
texts, spoiled ─▶ typo cosine, hit rate kept; encoder ─▶ ms a text
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from portrait.archive.archive import Archive
from portrait.arrays import MISSING, Codes
from portrait.catalogue.traits import Traits
from portrait.dataset.draws import read_draws
from portrait.dataset.past import newest
from portrait.evaluation.exam import EACH, Exam, set_exam, sit
from portrait.evaluation.explored import Drawn, drawn_among, worth
from portrait.evaluation.fairness import by_activity, by_group
from portrait.evaluation.ranking import PerUser, Scores
from portrait.evaluation.robustness import burst_robustness, spoil
from portrait.evaluation.situations import Situations, answered, situations_of
from portrait.evaluation.trial import Explored, Figures, HeadFigures, Ranks
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.inference.ranker import Ranker
from portrait.model.encoder import TextEncoder
from portrait.model.learned import Learned
from portrait.model.recency import Events
from portrait.model.space import Space, Vectors
from portrait.training.material import Material

LEAST_USERS = 50  # asked about an older period; fewer say nothing
OLDER_PERIODS = 2
MOST_SPOILED = 256  # texts: BERT reads each twice
LEAST_HITS = 20  # of histories as they are: a share of fewer is chance
NEWEST_SPOILED = 4  # events of a history that are read with typing errors
TIMED_TEXTS, TIMES = 32, 5
FLOODED = 200  # users

ACTIVITY = ("quiet", "middling", "busy")


@dataclass(frozen=True, slots=True)
class Examined:
    """A model on its way through an exam. Its vectors are of its own space."""

    version: str
    space: Space
    learned: Learned | None  # None: the pretrained portrait, by text alone
    texts: Vectors  # (N + Q, K), of items and of searches
    heads: Mapping[str, HeadFigures]
    traits: Traits | None = None  # (N,), of the items


@dataclass(frozen=True, slots=True)
class Misreading:
    """What typing errors do to an encoder, and how fast it is."""

    questions: Codes  # (Q,), whose newest items are misread
    items: Codes  # (n,), rows of those items
    embeddings: Vectors  # (n, E), of their spoiled texts
    cosine: float  # mean, to the texts as they are
    encode_ms: float


def exam_of(material: Material) -> Exam:
    """Ask everybody about the newest slice, and those held out about older ones."""
    events = material.events
    is_first = material.new_from <= material.begin
    past_until = material.valid_from if is_first else material.new_from
    now = set_exam(events, [material.begin, material.test_from, material.until], each=EACH)
    past = events.before(past_until)
    cuts = np.quantile(past.at, np.linspace(0, 1, OLDER_PERIODS + 1)[1:-1]).astype(np.int64)
    moments = [material.begin, *cuts.tolist(), past_until, material.until]
    before = set_exam(events, moments, asked=material.held, each=EACH)
    older = {
        day: asked
        for day, asked in before.older.items()
        if len(np.unique(events.user[asked])) >= LEAST_USERS
    }
    return replace(now, older=older)


def asked_in(material: Material) -> Situations:
    """Find what people were in the middle of, after everything that was trained on."""
    return situations_of(material.events, material.test_from, material.categories)


def measured(
    exam: Exam,
    situations: Situations,
    model: Examined,
    misread: Misreading | None,
    drawn: Drawn | None = None,
) -> Figures:
    """Let a model sit the exam.

    Args:
        exam: The questions.
        situations: Those put in the middle of visits, of the same material.
        model: Who answers.
        misread: By the encoder of its space; None: what depends on it is not measured.
        drawn: Places of lists that were given to a draw; None: nobody looks.
    """
    shown = ranker_of(exam, model)
    figures = replace(
        sit(exam, model.version, shown),
        situations=answered(situations, shown),
        heads=dict(model.heads),
        explored=_explored(drawn, shown),
    )
    if misread is None:
        return figures
    return replace(
        figures,
        typo_cosine=misread.cosine,
        typo_hit_kept=_hit_kept(exam, model, shown, misread),
        encode_ms=misread.encode_ms,
    )


def drawn_in(material: Material, archive: Archive) -> Drawn:
    """Read what was drawn for places of lists after everything that was trained on.

    Raises:
        ArchiveUnavailableError: The files cannot be read.
    """
    draws = read_draws(archive, material.test_from, material.until)
    return drawn_among(draws, material.events, material.user_refs)


def _explored(drawn: Drawn | None, shown: Ranker) -> Explored | None:
    if drawn is None or not drawn.lists:
        return None
    return Explored(worth(drawn, shown), drawn.lists)


def ranker_of(exam: Exam, model: Examined) -> Ranker:
    """Make a model rank the exam's catalogue, as it serves."""
    return Ranker.over(model.learned, exam.interactions.items, model.texts, model.traits)


def misread(exam: Exam, texts: Sequence[str], encoder: TextEncoder) -> Misreading:
    """Read the newest items of some users with typing errors.

    Args:
        exam: Whose users.
        texts: (N,), of the items.
        encoder: Who reads.
    """
    questions, items = _spoilable(exam, texts)
    some = [texts[row] for row in items.tolist()]
    draw = np.random.default_rng(0)
    clean, spoiled = encoder.encode(some), encoder.encode([spoil(text, draw) for text in some])
    cosine = float((clean * spoiled).sum(axis=1).mean()) if some else 1.0
    return Misreading(questions, items, spoiled, cosine, _encode_ms(encoder, some[:TIMED_TEXTS]))


def figures_told(exam: Exam, figures: Figures) -> dict[str, Any]:
    """Return what a manifest says of an exam."""
    cold = figures.cold
    return {
        "newest": _told(figures.newest),
        "older": {period: _told(ranks) for period, ranks in figures.older.items()},
        "cold": _told(cold) if cold is not None else None,
        "situations": {name: _share(people) for name, people in figures.situations.items()},
        "heads": {name: head._asdict() for name, head in figures.heads.items()},
        "bias": {
            "tail_share": figures.tail_share,
            "tail_taken": figures.tail_taken,
            "coverage": figures.coverage,
            "hr@10_by_activity": _by_activity(exam, figures),
        },
        "robustness": {
            "typo_cosine": figures.typo_cosine,
            "typo_hit_kept": figures.typo_hit_kept,
        },
        "encode_ms": figures.encode_ms,
    }


def burst_figures(exam: Exam, model: Examined) -> dict[str, float]:
    """Measure what a hundred clicks on one item do to users' states."""
    ranker = ranker_of(exam, model)
    users = np.unique(exam.interactions.user[exam.newest])[:FLOODED]
    rows, _ = newest(exam.interactions, users)

    def state(flooded: Codes) -> Vectors:
        clicks = np.full(flooded.shape, ACTION_CODE[Action.CLICK], np.uint8)
        at = np.zeros(flooded.shape, np.int64)
        return ranker.states(*ranker.heard(flooded, Events(clicks, at, flooded != MISSING)))

    return burst_robustness(rows, ranker.matrix, state) if len(users) else {}


def _told(ranks: Ranks) -> dict[str, float]:
    if not len(ranks.hit):
        return {"users": 0}
    return {
        "users": len(ranks.hit),
        "ndcg@10": round(float(ranks.ndcg.mean()), 4),
        "hr@10": round(float(ranks.hit.mean()), 4),
    }


def _share(people: PerUser) -> dict[str, float]:
    if not len(people):
        return {"users": 0}
    return {"users": len(people), "share": round(float(people.mean()), 4)}


def _by_activity(exam: Exam, figures: Figures) -> dict[str, object]:
    """Return HR@10 on the newest slice by how much the users had done before."""
    events = exam.interactions
    user, first = np.unique(events.user[exam.newest], return_index=True)
    done = exam.newest[first] - events.starts[user]
    hit = figures.newest.hit
    spread = by_group(
        lambda places: float(hit[places].mean()),
        np.arange(len(user)),
        by_activity(done, ACTIVITY),
        ACTIVITY,
    )
    return spread.rows


def _spoilable(exam: Exam, texts: Sequence[str]) -> tuple[Codes, Codes]:
    """Choose one question of each user, until their newest events use up MOST_SPOILED texts.

    Returns:
        Places of the questions (Q,), and the rows of those items, each once.
    """
    events = exam.interactions
    user, first = np.unique(events.user[exam.newest], return_index=True)
    asked = exam.newest[first]
    place = asked[:, None] - 1 - np.arange(NEWEST_SPOILED)
    inside = place >= events.starts[user][:, None]
    rows = np.where(inside, events.item[np.maximum(place, 0)], MISSING)
    has_text = np.array([bool(text) for text in texts] + [False])  # the last: of MISSING
    rows = np.where(has_text[rows], rows, MISSING)
    used: set[int] = set()
    for count, row in enumerate(rows.tolist()):
        used.update(row)
        if len(used - {MISSING}) > MOST_SPOILED:
            rows = rows[:count]
            break
    items: Codes = np.unique(rows[rows != MISSING])
    return asked[: len(rows)], items


@dataclass(frozen=True, slots=True)
class _Misread:
    """Ranks the catalogue as it is for users whose histories were read with typing errors."""

    read: Ranker
    shown: Ranker

    def scores(self, rows: Codes, events: Events) -> Scores:
        """Score every item, (U, N)."""
        rows, events = self.read.heard(rows, events)
        states, texts = self.read.states(rows, events), self.read.text_states(rows, events)
        return self.shown.scores_of(states, texts, rows, events)


def _hit_kept(exam: Exam, model: Examined, shown: Ranker, misread: Misreading) -> float | None:
    """Return HR@10 with misread histories, as a share of that as they are; None if few were hit."""
    if not len(misread.questions):
        return None
    texts = model.texts.copy()
    texts[misread.items] = model.space.place(misread.embeddings)
    read = ranker_of(exam, replace(model, texts=texts))
    asked = replace(exam, newest=misread.questions, older={})
    before, after = (
        float(sit(asked, model.version, scorer).newest.hit.mean())
        for scorer in (shown, _Misread(read, shown))
    )
    return after / before if before * len(misread.questions) >= LEAST_HITS else None


def _encode_ms(encoder: TextEncoder, texts: Sequence[str]) -> float:
    """Return the time to encode a text: the best of some times, since others use the CPU too."""
    if not texts:
        return 0.0
    took = []
    for _ in range(TIMES):
        started = perf_counter()
        encoder.encode(texts)
        took.append(perf_counter() - started)
    return 1_000 * min(took) / len(texts)
