"""Words for verdicts: each figure of a trial as a sentence that a merchant understands.

What was measured, in cases of a hundred where it is a share; the same with the model that serves;
how many people were asked; what was asked for, if it was missed, and whether chance explains that.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from portrait.evaluation.situations import COMPLAINT, KNOWN, NEW, SEARCH

SERVING = "with the model that serves"
SHARES: Mapping[str, str] = {  # a share, as so many of 100
    "newest HR@10": "What people took next is among the first ten in {} of 100 cases",
    "cold HR@10": "Of items that no training had seen, what people took is among the first ten in "
    "{} of 100 cases",
    f"{SEARCH} HR@10": "After a search, what was taken next is among the first ten in {} of 100 "
    "cases",
    f"{KNOWN} HR@10": "Two events into a visit of somebody known, what they took next is among the "
    "first ten in {} of 100 cases",
    f"{NEW} HR@10": "Two events into a visit of somebody unknown, what they took next is among the "
    "first ten in {} of 100 cases",
    f"{COMPLAINT} heeded": "After a return or a bad review, the item and its like stand lower in "
    "{} of 100 cases",
    "tail share": "{} of 100 recommendations are outside the most popular fifth of the items",
    "coverage": "{} of 100 items are recommended to somebody",
    "typo hit kept": "With typing errors in the texts, {} of 100 hits are kept",
}
SUBJECTS: Mapping[str, str] = {  # of what is refused or passed without judgement
    "cold HR@10": "items that no training had seen",
    f"{SEARCH} HR@10": "searches",
    f"{KNOWN} HR@10": "visits of people known",
    f"{NEW} HR@10": "visits of people unknown",
    f"{COMPLAINT} heeded": "returns and bad reviews",
}
FULL = 0.1  # from here on a share is told without decimals, unless they tell two apart


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure of both models, and what came of it."""

    name: str
    champion: float | None
    challenger: float | None
    limit: float | None = None
    at_most: bool = False
    passed: bool = True
    least_cases: int | None = None  # None: there are enough
    cases: int | None = None
    p: float | None = None  # of no gain
    is_allowed: bool = False  # by a person's settings, whatever it is

    @property
    def is_gone(self) -> bool:
        """Whether there was something, and nothing is left of it."""
        return bool(self.champion) and self.challenger == 0 and not self.at_most


def said(measured: Measured) -> str:
    """Say what was measured, and what came of it."""
    if measured.challenger is None and measured.least_cases is not None:
        return f"Not judged: {few(measured.name, measured.cases, measured.least_cases)}."
    if measured.challenger is None:
        return f"{measured.name} was not measured."
    if measured.name in SHARES:
        told = _share(measured)
    else:
        told = _time(measured) if measured.name == "encode ms" else _figure(measured)
    return f"{told}.{_outcome(measured)}"


def few(name: str, cases: int | None, least: int) -> str:
    """Say that there are too few cases, in a few words."""
    return f"{SUBJECTS.get(name, name)} ({cases or 0} of {least} cases)"


def _outcome(measured: Measured) -> str:
    """Say what follows from it; nothing where all is well."""
    if measured.is_gone:
        return f" It fell to nothing{_excuse(measured)}."
    if measured.least_cases is not None:
        return f" Not judged: {measured.cases or 0} of {measured.least_cases} cases."
    if not _is_missed(measured):
        return ""
    return f" At {'most' if measured.at_most else 'least'} {_limit(measured)} is asked" + (
        "; chance may explain that." if measured.passed else "."
    )


def _excuse(measured: Measured) -> str:
    if not measured.passed:
        return ""
    return ", which the settings allow" if measured.is_allowed else "; chance may explain that"


def _is_missed(measured: Measured) -> bool:
    if measured.limit is None or measured.challenger is None:
        return False
    over = measured.challenger - measured.limit
    return over > 0 if measured.at_most else over < 0


def _share(measured: Measured) -> str:
    """Say a share of both models, as so many of a hundred."""
    ours, theirs, _ = _of_hundred(measured)
    told = SHARES[measured.name].format(ours)
    other = "" if theirs is None else f"; {theirs} {SERVING}"
    people = "" if measured.cases is None else f" ({measured.cases:,} people)"
    return told + other + people


def _time(measured: Measured) -> str:
    theirs = "" if measured.champion is None else f"; {measured.champion:.2f} {SERVING}"
    return f"Reading a text takes {measured.challenger:.2f} ms{theirs}"


def _limit(measured: Measured) -> str:
    if measured.name not in SHARES:
        return f"{measured.limit:.4f}"
    *_, limit = _of_hundred(measured)
    return str(limit)


def _of_hundred(measured: Measured) -> list[str | None]:
    """Write challenger, champion and limit in hundredths, as exactly as tells them apart."""
    limit = measured.limit if _is_missed(measured) else None
    values = [measured.challenger, measured.champion, limit]
    known = {100 * value for value in values if value is not None}
    is_plain = min(known) >= 100 * FULL and len({round(value) for value in known}) == len(known)
    digits = 0 if is_plain else 1
    return [None if value is None else f"{100 * value:.{digits}f}" for value in values]


def _figure(measured: Measured) -> str:
    """Say how a figure moved."""
    champion, challenger = measured.champion, measured.challenger
    lead, unit = _lead(measured)
    if champion is None or challenger is None:
        return f"{lead} {unit} is {challenger:.4f}, the champion's was not measured"
    people = "" if measured.cases is None else f"{measured.cases:,} people"
    if challenger == champion:
        return f"{lead} {unit} stayed at {champion:.4f}" + (people and f" ({people})")
    verb = "rose" if challenger > champion else "fell"
    change = f"{challenger / champion - 1:+.1%}" if champion else "from nothing"
    chance = "" if measured.p is None else f"chance of no gain {measured.p:.1%}"
    beside = ", ".join(filter(None, [change, chance, people]))
    return f"{lead} {unit} {verb} from {champion:.4f} to {challenger:.4f} ({beside})"


def _lead(measured: Measured) -> tuple[str, str]:
    """Return what a figure is about, in words, and its name."""
    subject, _, figure = measured.name.rpartition(" ")
    if figure == "NDCG@10":
        period = "" if subject == "newest" else f" in the period from {subject} on"
        return f"What people took next{period} stands {_height(measured)} in the lists:", figure
    if figure == "AP":
        return f"Who is picked out by {subject}:", "average precision"
    if figure == "ECE":
        return f"How far probabilities of {subject} are off:", "calibration error"
    return "How like themselves texts with typing errors are read:", figure


def _height(measured: Measured) -> str:
    ours, theirs = measured.challenger or 0.0, measured.champion or 0.0
    return "as high" if ours == theirs else "higher" if ours > theirs else "lower"
