"""Turns: has the share of texts that say something changed, and since when?

Each subject is tested after every text, for as long as there are texts, against what it was
itself before: nobody has to say what is usual. A candidate moment divides its history into before
and after; the evidence for a change then is

    E = KT(before) * KT(after) / KT(all),

how likely both parts are, each foretold text by text with Jeffreys' prior (Krichevsky and
Trofimov), beside the whole foretold in one. Over shares drawn from that prior E is a martingale
of mean one where nothing changes, and for any one share its mean stays below three (summed
exactly in the tests); the sum over candidates grows by one a text. So the chance that E of any
candidate ever reaches `PATIENCE` within N texts is about N / PATIENCE at most, and added up over
subjects that is one false alarm in PATIENCE texts, however many subjects share them.

Real texts come in better and worse days. How much more the parts of a history differ than chance
allows (Pearson's chi-squared over its degrees of freedom) divides log E: that can only lower what
was above one, so the bound holds, and what always swings does not count as a turn.

Candidates are the edges of buckets of 1, 2, 4 … texts, as ADWIN keeps them, so a history of N
texts has some 4 log2 N parts. Which are merged depends on their number alone, never on what they
say.

When it began is told with bounds. With each text as likely as any to have been the first, a
candidate is as probable as its evidence times the texts about it; the bounds hold nineteen parts
in twenty of that, and reach to the next edges, for it may have begun between two. All candidates
are then divided by one swing: a few bad texts just before a turn make what came before them swing
less than what came before it, which would date it early.

Sources: Shin, Ramdas and Rinaldo, E-detectors: a nonparametric framework for sequential change
detection, New England Journal of Statistics in Data Science 2(2), 2024; Krichevsky and Trofimov,
The performance of universal encoding, IEEE Transactions on Information Theory 27(2), 1981; Bifet
and Gavaldà, Learning from time-changing data with adaptive windowing, SDM 2007.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from math import exp, lgamma, log, pi
from typing import NamedTuple

from portrait.times import DAY_MS

PATIENCE = 1e7  # texts of one subject to a false alarm; a review counts for some five subjects
BUCKETS = 4  # of one size: with fewer, edges lie too far apart to say since when
STEADY = 10  # parts that do not differ more than chance allows, added: few tell little of it
LEAST_BEFORE_MS = 7 * DAY_MS  # of fewer days it is not known how much they differ
REMEMBERED_MS = 365 * DAY_MS  # what is older is no measure of what is usual
LARGEST_BUCKET = 4_096  # texts; a year of a large source is some hundred
OUTSIDE = 0.05  # how probable it is that a turn began outside of its bounds
FAINT = 12.0  # what has a log E so much below the best adds nothing to them


class Bucket(NamedTuple):
    """Texts that follow each other."""

    texts: int
    hits: int  # of them, say what is looked for
    since: int  # when the first was written, ms


class Candidate(NamedTuple):
    """A bucket at which a history may have changed."""

    place: int
    evidence: float  # log E, divided by the swing
    swing: float


class Turn(NamedTuple):
    """A change that was found."""

    since: int  # ms: of the first text after it
    not_before: int  # ms: bounds of it
    not_after: int
    before: tuple[int, int]  # hits, texts
    after: tuple[int, int]
    evidence: float  # log10 of E

    @property
    def is_rise(self) -> bool:
        """Whether there is more of it."""
        return self.after[0] * self.before[1] > self.before[0] * self.after[1]


@dataclass(slots=True)
class History:
    """What a subject's texts said, in the order in which they came. Bounded."""

    buckets: list[Bucket] = field(default_factory=list)  # the oldest first

    def add(self, at: int, *, is_hit: bool) -> None:
        """Take in one text, written at a moment (ms)."""
        self.buckets.append(Bucket(1, int(is_hit), at))
        self._merge()
        while at - self.buckets[0].since > REMEMBERED_MS and len(self.buckets) > 1:
            del self.buckets[0]

    def turn(self, least: float, patience: float = PATIENCE) -> Turn | None:
        """Return the change with most evidence, if that suffices.

        Args:
            least: A change of the share that is smaller is not worth telling.
            patience: Texts to a false alarm.
        """
        found = self._candidates(least, log(patience))
        if not found:
            return None
        most = max(found, key=lambda candidate: candidate.evidence)
        return self._turn(self._candidates(least, most.evidence - FAINT, most.swing), most.evidence)

    def begin_at(self, since: int) -> None:
        """Forget what came before a change: what came after it is what is usual now."""
        self.buckets = [bucket for bucket in self.buckets if bucket.since >= since]

    def _candidates(
        self, least: float, suffices: float, swing: float | None = None
    ) -> list[Candidate]:
        """Return at which buckets it may have changed, with as much evidence as suffices.

        Args:
            least: A change of the share that is smaller is none.
            suffices: The least evidence.
            swing: What divides log E of all; None: of each what its own history says, which does
                not tell one candidate from another: the texts between two count in one of both.
        """
        found: list[Candidate] = []
        texts = sum(bucket.texts for bucket in self.buckets)
        hits = sum(bucket.hits for bucket in self.buckets)
        spread = hits * (texts - hits) / texts if texts else 0.0
        before = before_hits = parts = 0
        squares = 0.0
        for place, bucket in enumerate(self.buckets):
            if bucket.since - self.buckets[0].since >= LEAST_BEFORE_MS:
                after, after_hits = texts - before, hits - before_hits
                change = abs(after_hits / after - before_hits / before)
                # Chi-squared: log E is not above it, and this is a tenth of the work.
                may_suffice = change * change * before * after >= suffices * spread
                if change >= least and may_suffice:
                    evidence = _foretold(before_hits, before) + _foretold(after_hits, after)
                    evidence -= _foretold(hits, texts)
                    by = swing or _swing(squares, before_hits, before, parts)
                    if evidence / by >= suffices:
                        found.append(Candidate(place, evidence / by, by))
            before, before_hits, parts = before + bucket.texts, before_hits + bucket.hits, parts + 1
            squares += bucket.hits**2 / bucket.texts
        return found

    def _turn(self, likely: list[Candidate], evidence: float) -> Turn:
        """Date a turn that was found: by the likeliest candidate, and those about as likely."""
        place, most, _ = max(likely, key=lambda candidate: candidate.evidence)
        before, after = (_total(part) for part in (self.buckets[:place], self.buckets[place:]))
        texts = [self.buckets[at - 1].texts + self.buckets[at].texts for at, _, _ in likely]
        weights = [
            exp(each.evidence - most) * count for each, count in zip(likely, texts, strict=True)
        ]
        passed = list(accumulate(weights))
        outside = OUTSIDE / 2 * passed[-1]
        first = likely[bisect_right(passed, outside)].place - 1
        last = likely[bisect_left(passed, passed[-1] - outside)].place + 1
        # Texts may come in another order than they were written.
        bounds = [self.buckets[at].since for at in (first, place, min(last, len(self.buckets) - 1))]
        since = self.buckets[place].since
        return Turn(since, min(bounds), max(bounds), before, after, evidence / log(10))

    def _merge(self) -> None:
        """Merge the two oldest buckets of each size of which there are too many."""
        size, end = 1, len(self.buckets)
        while size < LARGEST_BUCKET:
            begin = end
            while begin and self.buckets[begin - 1].texts == size:
                begin -= 1
            if end - begin <= BUCKETS:
                return
            one, other = self.buckets[begin : begin + 2]
            merged = Bucket(2 * size, one.hits + other.hits, one.since)
            self.buckets[begin : begin + 2] = [merged]
            size, end = 2 * size, begin + 1


def _total(buckets: list[Bucket]) -> tuple[int, int]:
    return sum(bucket.hits for bucket in buckets), sum(bucket.texts for bucket in buckets)


def _foretold(hits: int, texts: int) -> float:
    """Return the log probability that the KT estimator gives to texts that came one by one."""
    misses = texts - hits
    return lgamma(hits + 0.5) + lgamma(misses + 0.5) - lgamma(texts + 1) - log(pi)


def _swing(squares: float, hits: int, texts: int, parts: int) -> float:
    """Return how much more parts of a history differ than chance lets them; 1 at least.

    Args:
        squares: The sum over parts of hits² / texts.
        hits: Of all parts.
        texts: Of all parts.
        parts: How many there are.

    Source: McCullagh and Nelder, Generalized linear models, 2nd edition, 1989, section 4.5.
    """
    share = hits / texts
    spread = share * (1 - share)
    if not spread:
        return 1.0
    chi_squared = (squares - hits * share) / spread
    return max(1.0, (chi_squared + STEADY) / (parts - 1 + STEADY))
