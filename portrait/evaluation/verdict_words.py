"""Words for verdicts: each figure of a trial as a sentence that a merchant understands.

What was measured, in cases of a hundred where it is a share; the same with the model that serves;
how many people were asked; what was asked for, if it was missed, and whether chance explains that.
"""

from collections.abc import Mapping

from portrait.evaluation.situations import COMPLAINT, KNOWN, NEW, SEARCH
from portrait.evaluation.verdict import EXPLORED, LEAST_PEOPLE, Check

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
    EXPLORED: "Where places were given to a draw, {} of 100 of its choices would have been touched",
    "typo hit kept": "With typing errors in the texts, there are {} hits for 100 without",
}
CASES: Mapping[str, str] = {EXPLORED: "lists"}  # else people
SUBJECTS: Mapping[str, str] = {  # of what is refused or passed without judgement
    "cold HR@10": "items that no training had seen",
    f"{SEARCH} HR@10": "searches",
    f"{KNOWN} HR@10": "visits of people known",
    f"{NEW} HR@10": "visits of people unknown",
    f"{COMPLAINT} heeded": "returns and bad reviews",
    EXPLORED: "explored lists",
}
FULL = 0.1  # from here on a share is told without decimals, unless they tell two apart


def said(check: Check, p: float | None = None, *, is_allowed: bool = False) -> str:
    """Say what was measured, and what came of it.

    Args:
        check: What was found, in figures.
        p: The chance that the challenger is no better; None: nobody asked.
        is_allowed: Whether a person's settings allow whatever it is.
    """
    if check.lacks_people:
        return f"Too few people had explored lists: {check.people} of {LEAST_PEOPLE}."
    if check.name == EXPLORED and not check.judged:
        return f"Not enough explored lists yet: {check.cases or 0:,} of {check.needed:,}."
    if check.challenger is None and not check.judged:
        return f"Not judged: {few(check)}."
    if check.challenger is None:
        return f"{check.name} was not measured."
    if check.name in SHARES:
        told = _share(check)
    else:
        told = _time(check) if check.name == "encode ms" else _figure(check, p)
    return f"{told}.{_outcome(check, is_allowed)}"


def few(check: Check) -> str:
    """Say that there are too few cases, in a few words."""
    if check.lacks_people:
        return f"{SUBJECTS[check.name]} ({check.people} of {LEAST_PEOPLE} people)"
    return f"{SUBJECTS.get(check.name, check.name)} ({_cases(check)})"


def _cases(check: Check) -> str:
    return f"{check.cases or 0} of {check.needed} cases"


def _outcome(check: Check, is_allowed: bool) -> str:  # noqa: FBT001 - it is a fact
    """Say what follows from it; nothing where all is well."""
    if check.is_gone:
        return f" It fell to nothing{_excuse(check, is_allowed)}."
    if not check.judged:
        return f" Not judged: {_cases(check)}."
    if not _is_missed(check):
        return ""
    return f" At {'most' if check.at_most else 'least'} {_limit(check)} is asked" + (
        "; chance may explain that." if check.passed else "."
    )


def _excuse(check: Check, is_allowed: bool) -> str:  # noqa: FBT001 - it is a fact
    if not check.passed:
        return ""
    return ", which the settings allow" if is_allowed else "; chance may explain that"


def _is_missed(check: Check) -> bool:
    if check.limit is None or check.challenger is None:
        return False
    over = check.challenger - check.limit
    return over > 0 if check.at_most else over < 0


def _share(check: Check) -> str:
    """Say a share of both models, as so many of a hundred."""
    ours, theirs, _ = _of_hundred(check)
    told = SHARES[check.name].format(ours)
    other = "" if theirs is None else f"; {theirs} {SERVING}"
    cases = CASES.get(check.name, "people")
    people = "" if check.cases is None else f" ({check.cases:,} {cases})"
    return told + other + people + (_between(check) if check.name == EXPLORED else "")


def _between(check: Check) -> str:
    """Say between which the difference lies: of an estimate that is what it is worth."""
    if check.interval is None:
        return ""
    low, high = check.interval
    return f", {100 * low:+.1f} to {100 * high:+.1f} apart 95 times in 100"


def _time(check: Check) -> str:
    theirs = "" if check.champion is None else f"; {check.champion:.2f} {SERVING}"
    return f"Reading a text takes {check.challenger:.2f} ms{theirs}"


def _limit(check: Check) -> str:
    if check.name not in SHARES:
        return f"{check.limit:.4f}"
    *_, limit = _of_hundred(check)
    return str(limit)


def _of_hundred(check: Check) -> list[str | None]:
    """Write challenger, champion and limit in hundredths, as exactly as tells them apart."""
    limit = check.limit if _is_missed(check) else None
    values = [check.challenger, check.champion, limit]
    known = {100 * value for value in values if value is not None}
    is_plain = min(known) >= 100 * FULL and len({round(value) for value in known}) == len(known)
    digits = 0 if is_plain else 1
    return [None if value is None else f"{100 * value:.{digits}f}" for value in values]


def _figure(check: Check, p: float | None) -> str:
    """Say how a figure moved."""
    champion, challenger = check.champion, check.challenger
    lead, unit = _lead(check)
    if champion is None or challenger is None:
        return f"{lead} {unit} is {challenger:.4f}, the champion's was not measured"
    people = "" if check.cases is None else f"{check.cases:,} people"
    if challenger == champion:
        return f"{lead} {unit} stayed at {champion:.4f}" + (people and f" ({people})")
    verb = "rose" if challenger > champion else "fell"
    change = f"{challenger / champion - 1:+.1%}" if champion else "from nothing"
    chance = "" if p is None else f"chance of no gain {p:.1%}"
    beside = ", ".join(filter(None, [change, chance, people]))
    return f"{lead} {unit} {verb} from {champion:.4f} to {challenger:.4f} ({beside})"


def _lead(check: Check) -> tuple[str, str]:
    """Return what a figure is about, in words, and its name."""
    subject, _, figure = check.name.rpartition(" ")
    if figure == "NDCG@10":
        period = "" if subject == "newest" else f" in the period from {subject} on"
        return f"What people took next{period} stands {_height(check)} in the lists:", figure
    if figure == "AP":
        return f"Who is picked out by {subject}:", "average precision"
    if figure == "ECE":
        return f"How far probabilities of {subject} are off:", "calibration error"
    return "How like themselves texts with typing errors are read:", figure


def _height(check: Check) -> str:
    ours, theirs = check.challenger or 0.0, check.champion or 0.0
    return "as high" if ours == theirs else "higher" if ours > theirs else "lower"
