"""Tone as a task: reviews are bad, middling or good by their stars, and cut by who wrote them.

reviews ─▶ of users to learn from ─▶ of each label as many as there is room for
       │                             └▶ their plain clauses: short texts
       │                             └▶ of both some get made-up names and places, which say
       │                                nothing of the tone
       └─▶ of users to choose by, and to judge by: as they come
All without what looks like a name, as the stream reads them (`unnamed.py`).

Nobody's reviews are on two sides. Who is held out of all learning is among those who judge.
Source of the made-up: Garg et al., Counterfactual Fairness in Text Classification, AIES 2019.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from portrait.arrays import Codes, Floats, Rows
from portrait.dataset.reviews import Reviews
from portrait.events.tone import LONGEST_READ, Tone, blame_of, plain
from portrait.model.kinds import DISLIKED, LIKED
from portrait.opinions.aspects import clauses_of, tone_of
from portrait.text.unnamed import unnamed
from portrait.training.material import HASHES, mixed
from portrait.training.tasks.task import Labelled, Task

TONE = "tone"
LABELS = ("bad", "middling", "good")
PRECISION = 0.95  # of what is said: who is taken for a critic, and is none, loses what they like
JUDGING, CHOOSING = 0.2, 0.15  # of the users
TENTHS = 10  # of a star

# Other people and places than those of the check list, which judges.
PEOPLE = {
    "en": (
        *("Anna", "Jamal", "Wei", "Fatima", "Carlos", "Ingrid", "Kofi", "Yuki", "Ahmed", "Grace"),
        *("Dmitri", "Aisha", "Pablo", "Mei", "Tyrone", "Emily", "Rajesh", "Chloe", "Oluwaseun"),
    ),
    "zh": (
        *("李娜", "买买提", "王芳", "卓玛", "刘洋", "司马光", "次仁", "古丽娜", "赵敏", "巴特尔"),
        *("孙强", "周杰", "吴桂兰", "诸葛亮", "热依扎", "郑爽", "多吉", "马哈木提", "朴正焕"),
    ),
}
PLACES = {
    "en": (
        *("Paris", "Nairobi", "Lima", "Ohio", "Hanoi", "Cairo", "Oslo", "Manila", "Florida"),
        *("Kabul", "Dublin", "Jakarta", "Alabama", "Baghdad", "Sydney", "Accra", "Karachi"),
    ),
    "zh": (
        *("上海", "四川", "甘肃", "云南", "海南", "青海", "温州", "内蒙古", "贵州", "黑龙江"),
        *("山东", "香港", "宁夏", "湖北", "深圳", "台湾", "潮汕", "农村", "延边"),
    ),
}
LIVES = {"en": " I live in {}.", "zh": "我住在{}。"}
SIGNED = {"en": " {}", "zh": "{}"}
MADE_UP_SHARE = 0.6  # of the texts to learn from
WHOLE_SHARE = 0.5  # of these, with a name as it is
SAID_BY = {Tone.NEGATIVE: 0, Tone.POSITIVE: 2, Tone.NEUTRAL: -1}  # which label; none
CHINESE_FROM, CHINESE_TO = "\u4e00", "\u9fff"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many reviews are read at most: what bounds the time that it takes."""

    train: int = 900
    clauses: int = 300  # of those that are learned from, to learn from, too
    valid: int = 500
    test: int = 500


@dataclass(frozen=True, slots=True)
class ToneTask:
    """The task, and what it is judged by once."""

    task: Task
    test: Labelled
    clauses: int  # among what is learned from


def tone_task(reviews: Reviews, sizes: Sizes, seed: int) -> ToneTask:
    """Cut reviews into what is learned from, chosen by and judged by."""
    share = mixed(reviews.users).astype(np.float64) / HASHES
    judging, choosing = share < JUDGING, (share >= JUDGING) & (share < JUDGING + CHOOSING)
    targets = labels_of(reviews.stars)
    random = np.random.default_rng(seed)

    def labelled(rows: Rows) -> Labelled:
        return Labelled([reviews.texts[row][:LONGEST_READ] for row in rows], targets[rows])

    train = labelled(_of_each(np.flatnonzero(~judging & ~choosing), targets, sizes.train))
    clauses = _clauses(train, reviews.texts)
    clauses = clauses.where(random.permutation(len(clauses))[: sizes.clauses])
    both = Labelled(
        [*train.texts, *clauses.texts], np.concatenate([train.targets, clauses.targets])
    )
    task = Task(
        TONE,
        "ordinal",
        LABELS,
        _unnamed(_made_up(both, random)),
        _unnamed(labelled(np.flatnonzero(choosing)[-sizes.valid :])),
        balanced=True,
        precision=PRECISION,
    )
    test = _unnamed(labelled(np.flatnonzero(judging)[-sizes.test :]))
    return ToneTask(task, test, len(clauses))


def labels_of(stars: Floats) -> Codes:
    """Return the place of each label, (R,), as `kinds.py` weighs stars."""
    tenths = np.rint(stars * TENTHS)
    return np.where(tenths <= DISLIKED, 0, np.where(tenths < LIKED, 1, 2)).astype(np.int64)


def language_of(text: str) -> str:
    """Return in which of the two languages that the check list has a text is written, roughly."""
    return "zh" if any(CHINESE_FROM <= sign <= CHINESE_TO for sign in text) else "en"


def _of_each(rows: Rows, targets: Codes, most: int) -> Rows:
    """Take the newest of each label in turn, as there are mostly good ones; (N,) ascending."""
    turn = np.zeros(len(rows), np.int64)
    for label in range(len(LABELS)):
        own = np.flatnonzero(targets[rows] == label)
        turn[own] = np.arange(len(own))[::-1]
    return np.sort(rows[np.argsort(turn, kind="stable")[:most]])


def _clauses(texts: Labelled, whole: Collection[str]) -> Labelled:
    """Return clauses whose words say what the stars of their review say: short texts of sure tone.

    In a short text a name is much of what is read, and long reviews do not teach that it says
    nothing. What somebody wrote as a whole review is none of them.
    """
    known = {plain(text).strip() for text in whole}
    found = {
        clause: label
        for text, label in zip(texts.texts, texts.targets.tolist(), strict=True)
        for clause in clauses_of(text)
        if SAID_BY[tone_of(blame_of(clause))] == label and clause not in known
    }
    return Labelled([*found], np.array([*found.values()], np.int64))


def _name(names: Sequence[str], random: np.random.Generator) -> str:
    """Return a name, half of them of the halves of two: what a reader has met says less than any.

    Else a name of rare pieces, or one that a word of blame is in, goes on sounding like it.
    """
    begun, ended = (str(each) for each in random.choice(names, 2))
    if random.random() < WHOLE_SHARE:
        return begun
    return begun[: (len(begun) + 1) // 2] + ended[(len(ended) + 1) // 2 :]


def _made_up(texts: Labelled, random: np.random.Generator) -> Labelled:
    """Say of some texts who wrote them, or where from."""
    said = []
    for text in texts.texts:
        language = language_of(text)
        form, names = ((SIGNED, PEOPLE), (LIVES, PLACES))[random.integers(2)]
        name = _name(names[language], random)
        is_made_up = random.random() < MADE_UP_SHARE
        said.append(text + form[language].format(name) if is_made_up else text)
    return Labelled(said, texts.targets)


def _unnamed(texts: Labelled) -> Labelled:
    return Labelled([unnamed(text) for text in texts.texts], texts.targets)
