"""The judge: is the challenger good enough to replace the champion?

Both are measured in one run on the same users; this file only compares. What was not measured, or
is not a number, counts against the challenger: a good model refused costs a day, a bad one promoted
costs customers. What the champion lacks too is not asked for.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from portrait.arrays import Doubles
from portrait.evaluation.ranking import holm, paired_bootstrap
from portrait.evaluation.situations import COMPLAINT, KNOWN, NEW, SEARCH
from portrait.evaluation.trial import DEFAULTS, Figures, Ranks, Thresholds
from portrait.evaluation.verdict import (
    EXPLORED,
    LEAST_CASES,
    LEAST_LISTS,
    LEAST_PEOPLE,
    Check,
    Verdict,
)
from portrait.evaluation.verdict_words import few, said
from portrait.experiments.off_policy import interval


class _Trio(NamedTuple):
    """One figure of each model."""

    champion: float | None
    challenger: float | None
    baseline: float | None


@dataclass(frozen=True, slots=True)
class _Bench:
    """The models side by side."""

    champion: Figures
    challenger: Figures
    baseline: Figures | None
    asked: Thresholds

    def each(self, figure: Callable[[Figures], float | None]) -> _Trio:
        """Return one figure of each model; what is not a number was not measured."""
        return _Trio(
            _number(figure(self.champion)),
            _number(figure(self.challenger)),
            None if self.baseline is None else _number(figure(self.baseline)),
        )

    def named(self, name: str) -> _Trio:
        """Return the figure that each model has by this name."""
        return self.each(attrgetter(name))


def judge(
    champion: Figures,
    challenger: Figures,
    asked: Thresholds = DEFAULTS,
    *,
    baseline: Figures | None = None,
) -> Verdict:
    """Compare two models on everything, and decide.

    Better figures never turn a promotion into a refusal, and a copy of the champion is promoted.

    Args:
        champion: What the model in service reached.
        challenger: What the model on trial reached, on the same users.
        asked: What it must reach.
        baseline: The same without any learning: shown beside, never decisive.

    Raises:
        ValueError: A slice has not the same users for both.
    """
    bench = _Bench(champion, challenger, baseline, asked)
    checks = tuple(_checks(bench))
    failed = [check for check in checks if not check.passed]
    return Verdict(
        champion=champion.version,
        challenger=challenger.version,
        promote=not failed,
        reason=" ".join(check.reason for check in failed) if failed else _why_promoted(checks),
        checks=checks,
    )


def _why_promoted(checks: Sequence[Check]) -> str:
    """Say what rose or did not fall; what fell all the same, and what was not judged."""
    newest, *others = checks
    fell = [check.reason for check in others if _is_fall(check)]
    unjudged = [few(check) for check in checks if not check.judged]
    listed = [f"Not judged, too few cases: {', '.join(unjudged)}."] if unjudged else []
    return " ".join([newest.reason, *fell, *listed])


def _is_fall(check: Check) -> bool:
    """Whether a figure fell beyond chance, or to nothing, and yet the limits allow it."""
    return check.is_gone or (check.judged and check.interval is not None and check.interval[1] < 0)


def _checks(bench: _Bench) -> Iterator[Check]:
    yield from _newest(bench)
    for period in _names(bench.champion.older, bench.challenger.older):
        yield _older(bench, period)
    yield from _in_situations(bench)
    for head in _names(bench.champion.heads, bench.challenger.heads):
        yield from _head(bench, head)
    yield from _tail(bench)
    yield from _least(bench, "coverage", _fair(bench.named("coverage").champion, bench.asked))
    for name in ("typo_cosine", "typo_hit_kept"):
        if name == "typo_hit_kept" and bench.challenger.typo_hit_kept is None:
            continue  # too few were hit to take a share of; a fall is seen in the rankings
        yield from _least(
            bench, name, _at_best(bench.named(name).champion, getattr(bench.asked, name))
        )
    yield from _latency(bench)
    yield from _explored(bench)


def _newest(bench: _Bench) -> Iterator[Check]:
    """Up beyond chance, or not down by more than a little."""
    before, after = bench.champion.newest, bench.challenger.newest
    ndcg = bench.each(lambda figures: _mean(figures.newest, "ndcg"))
    hit = bench.each(lambda figures: _mean(figures.newest, "hit"))
    limit = _share_of(ndcg.champion, bench.asked.newest_change)
    p = _p_not_better(after.ndcg, before.ndcg)
    passed = ndcg.challenger is not None and (
        p < bench.asked.newest_p
        or _holds(after.ndcg, before.ndcg, bench.asked.newest_change, bench.asked.doubt)
    )
    yield _check("newest NDCG@10", ndcg, limit, passed=passed, p=p, told=(after.ndcg, before.ndcg))
    yield _check("newest HR@10", hit, None, passed=True, told=(after.hit, before.hit))


def _older(bench: _Bench, period: str) -> Check:
    before, after = bench.champion.older.get(period), bench.challenger.older.get(period)
    ndcg = bench.each(lambda figures: _mean(figures.older.get(period), "ndcg"))
    limit = _share_of(ndcg.champion, bench.asked.older_change)
    passed = before is None or (
        after is not None
        and _holds(after.ndcg, before.ndcg, bench.asked.older_change, bench.asked.doubt)
    )
    told = None if before is None or after is None else (after.ndcg, before.ndcg)
    return _check(f"{period} NDCG@10", ndcg, limit, passed=passed, told=told)


@dataclass(frozen=True, slots=True)
class _Exam:
    """One of the exams that are judged together."""

    name: str
    figure: Callable[[Figures], Doubles | None]  # (U,), of each user
    change: float

    def people(self, figures: Figures) -> Doubles | None:
        """Return each user's figure; None: not measured, or nobody was asked."""
        people = self.figure(figures)
        return people if people is not None and len(people) else None


def _in_situations(bench: _Bench) -> Iterator[Check]:
    """Ask that little is lost on cold items, after searches, within visits and after complaints.

    Each more exam is one more chance to refuse a good model by accident. All of them together have
    as much of it as one alone (Holm); decision 0024.
    """
    exams = [exam for exam in _exams(bench.asked) if exam.people(bench.champion) is not None]
    chances = [_chance_of(exam, bench) for exam in exams]
    judged = [place for place, exam in enumerate(exams) if _is_judged(exam, bench)]
    refused = holm([chances[place] for place in judged], bench.asked.doubt)
    failed = {place for place, is_refused in zip(judged, refused, strict=True) if is_refused}
    known = {exam.name for exam in exams}
    for exam in _exams(bench.asked):
        if exam.name not in known:
            yield _unasked(exam)
    for place, exam in enumerate(exams):
        yield _situation(exam, bench, passed=place not in failed, judged=place in judged)


def _exams(asked: Thresholds) -> list[_Exam]:
    def share(name: str) -> Callable[[Figures], Doubles | None]:
        return lambda figures: figures.situations.get(name)

    return [
        _Exam("cold HR@10", _cold, asked.cold_change),
        _Exam(f"{SEARCH} HR@10", share(SEARCH), asked.search_change),
        _Exam(f"{KNOWN} HR@10", share(KNOWN), asked.session_change),
        _Exam(f"{NEW} HR@10", share(NEW), asked.session_change),
        _Exam(f"{COMPLAINT} heeded", share(COMPLAINT), asked.complaint_change),
    ]


def _cold(figures: Figures) -> Doubles | None:
    return None if figures.cold is None else figures.cold.hit


def _chance_of(exam: _Exam, bench: _Bench) -> float:
    """Return the chance that no more than what is allowed was lost; 0 if it was not measured."""
    before, after = exam.people(bench.champion), exam.people(bench.challenger)
    if before is None or after is None:
        return 0.0
    return _chance(after, before, exam.change)


def _is_judged(exam: _Exam, bench: _Bench) -> bool:
    """Whether there are enough cases to tell; a fall by half beyond chance tells enough by itself.

    So does a fall to nothing.
    """
    before, after = exam.people(bench.champion), exam.people(bench.challenger)
    if before is None or after is None or len(before) >= LEAST_CASES:
        return True
    fell_to_nothing = not after.mean() > 0 and before.mean() > 0
    return fell_to_nothing or _chance(after, before, -0.5) < bench.asked.doubt


def _situation(exam: _Exam, bench: _Bench, *, passed: bool, judged: bool) -> Check:
    before, after = exam.people(bench.champion), exam.people(bench.challenger)
    trio = bench.each(lambda figures: _mean_of(exam.people(figures)))
    return _check(
        exam.name,
        trio,
        _share_of(trio.champion, exam.change),
        passed=passed,
        judged=judged,
        told=None if before is None or after is None else (after, before),
        is_allowed=exam.change <= -1,
    )


def _unasked(exam: _Exam) -> Check:
    return _check(exam.name, _Trio(None, None, None), None, passed=True, judged=False)


def _head(bench: _Bench, head: str) -> Iterator[Check]:
    ap = bench.each(lambda figures: figures.heads[head].ap if head in figures.heads else None)
    ece = bench.each(lambda figures: figures.heads[head].ece if head in figures.heads else None)
    least = _share_of(ap.champion, bench.asked.head_change)
    yield _check(f"{head} AP", ap, least, passed=_reaches(ap.challenger, least))
    rise = 0.0 if ece.champion is None else ece.champion + bench.asked.head_ece_rise
    ours = bench.challenger.heads.get(head)
    most = max(bench.asked.head_ece, rise)
    most = most if ours is None else ours.tolerated(most)
    passed = ece.challenger is not None and ece.challenger <= most
    yield _check(f"{head} ECE", ece, most, passed=passed, at_most=True)


def _least(bench: _Bench, name: str, limit: float | None) -> Iterator[Check]:
    trio = bench.named(name)
    if trio.champion is not None or trio.challenger is not None:
        passed = _reaches(trio.challenger, limit)
        yield _check(name.replace("_", " "), trio, limit, passed=passed)


def _latency(bench: _Bench) -> Iterator[Check]:
    trio = bench.named("encode_ms")
    most = _share_of(trio.champion, bench.asked.encode_change)
    if trio.champion is not None or trio.challenger is not None:
        passed = most is None or (trio.challenger is not None and trio.challenger <= most)
        yield _check("encode ms", trio, most, passed=passed, at_most=True)


def _explored(bench: _Bench) -> Iterator[Check]:
    """Show what lists would have brought, by what was drawn in some; it decides nothing.

    What it knows of is a few places of some lists, so its interval is wide where the exams' are
    narrow. But these are what people were truly shown.
    """
    before, after = bench.champion.explored, bench.challenger.explored
    if before is None or after is None or not after.lists:
        return
    is_enough = after.lists >= LEAST_LISTS and len(after.people) >= LEAST_PEOPLE
    trio = bench.each(
        lambda figures: (
            _mean_of(figures.explored.people) if figures.explored and is_enough else None
        )
    )
    difference = interval(after.people - before.people) if is_enough else None
    check = Check(
        name=EXPLORED,
        champion=trio.champion,
        challenger=trio.challenger,
        baseline=trio.baseline,
        limit=None,
        cases=after.lists,
        people=len(after.people),
        interval=None if difference is None else (difference.low, difference.high),
        judged=is_enough,
        passed=True,
        reason="",
    )
    yield check.model_copy(update={"reason": said(check)})


def _check(  # noqa: PLR0913 - it is what a check is made of
    name: str,
    trio: _Trio,
    limit: float | None,
    *,
    passed: bool,
    at_most: bool = False,
    p: float | None = None,
    told: tuple[Doubles, Doubles] | None = None,
    judged: bool = True,
    is_allowed: bool = False,
) -> Check:
    """Make a check; told are the users' figures of challenger and champion, (U,) each."""
    champion, challenger, baseline = trio
    check = Check(
        name=name,
        champion=champion,
        challenger=challenger,
        baseline=baseline,
        limit=limit,
        at_most=at_most,
        cases=None if told is None else len(told[1]),
        interval=None if told is None else _interval(*told),
        judged=judged,
        passed=passed,
        reason="",
    )
    return check.model_copy(update={"reason": said(check, p, is_allowed=is_allowed)})


def _interval(after: Doubles, before: Doubles) -> tuple[float, float] | None:
    if not len(after) or not np.isfinite(after - before).all():
        return None
    found = paired_bootstrap(after, before)
    return found.low, found.high


def _p_not_better(ours: Doubles, theirs: Doubles) -> float:
    """Return the chance that ours is no better; 1 if there are no users to tell by."""
    _require_same_users(ours, theirs)
    return paired_bootstrap(ours, theirs).not_better if len(ours) else 1.0


def _holds(after: Doubles, before: Doubles, change: float, doubt: float) -> bool:
    """Whether a mean has not fallen by more than a share, or chance explains that it seems so.

    Slices hold thousands of users at most: with the means alone, a model as good as the champion
    is refused every other time (benchmarks/judge.py, docs/experiments.md).
    """
    return _chance(after, before, change) >= doubt


def _chance(after: Doubles, before: Doubles, change: float) -> float:
    """Return the chance of seeing this of a mean that fell by just a share; 1 if it fell less."""
    _require_same_users(after, before)
    if math.isinf(change):
        return 0.0  # whoever asks for that wants a gain beyond chance
    asked = before * (1 + change)
    if not len(after) or after.mean() >= asked.mean():
        return 1.0
    return paired_bootstrap(asked, after).not_better


def _require_same_users(ours: Doubles, theirs: Doubles) -> None:
    if ours.shape != theirs.shape:
        msg = f"{ours.shape[0]} and {theirs.shape[0]} users cannot be compared"
        raise ValueError(msg)


def _mean(ranks: Ranks | None, of: str) -> float | None:
    return None if ranks is None else _mean_of(getattr(ranks, of))


def _mean_of(people: Doubles | None) -> float | None:
    return None if people is None or not len(people) else float(people.mean())


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _share_of(figure: float | None, change: float) -> float | None:
    return None if figure is None else figure * (1 + change)


def _tail(bench: _Bench) -> Iterator[Check]:
    """Ask for little less than the champion's tail share, and for no more than people take.

    A fall beyond that counts unless chance explains it, as in the rankings: exams may be small.
    """
    trio, asked = bench.named("tail_share"), bench.asked
    if trio.champion is None and trio.challenger is None:
        return
    limit, taken = _fair(trio.champion, asked), bench.challenger.tail_taken
    if limit is not None and taken is not None:
        limit = min(limit, taken)
    after, before = bench.challenger.tail, bench.champion.tail
    is_chance = len(after) > 0 and _holds(after, before, asked.bias_change, asked.doubt)
    passed = _reaches(trio.challenger, limit) or is_chance
    yield _check("tail share", trio, limit, passed=passed)


def _fair(figure: float | None, asked: Thresholds) -> float | None:
    if figure is None:
        return None
    return min(figure * (1 + asked.bias_change), figure - asked.bias_points)


def _at_best(figure: float | None, asked: float) -> float:
    return asked if figure is None else min(asked, figure)


def _reaches(figure: float | None, limit: float | None) -> bool:
    """Whether a figure is good enough; one that is missing is, if there is nothing to reach."""
    return limit is None or (figure is not None and figure >= limit)


def _names(*named: Mapping[str, object]) -> list[str]:
    """Return the names in any of these, in their order."""
    return list(dict.fromkeys(name for each in named for name in each))
