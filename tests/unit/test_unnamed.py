"""Names are left out of what is read; what is said of the thing is not."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from portrait.dataset.reviews import Reviews
from portrait.events.tone import Tone
from portrait.model.space import Vectors
from portrait.model.task_head import TaskHead
from portrait.opinions.aspects import Aspect
from portrait.text.task_reader import TaskReader
from portrait.text.tone_reader import ToneReader
from portrait.text.unnamed import SOMEONE, unnamed
from portrait.training.tasks.checklist import NAMES, REGIONS, WHO_OR_WHERE, cases
from portrait.training.tasks.tone import LABELS, PEOPLE, PLACES, Sizes, tone_task
from tests.support.fakes import HashEncoder

ONE = np.ones(1, np.float32)
HEAD = TaskHead(
    "heard",
    "ordinal",
    LABELS,
    np.ones((1, 1), np.float32),
    np.zeros(2, np.float32),
    ONE,
)


class Heard(HashEncoder):
    """An encoder that remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.read += texts
        return np.ones((len(texts), 1), np.float32)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("The kettle is good. John", "The kettle is good. someone"),
        ("It broke, Mary-Ann O'Neil", "It broke, someone"),
        ("Broken. I live in New York.", "Broken. I live in someone someone."),
        ("My friend Oluwaseun hates it.", "My friend someone hates it."),
        ("Мне Ольга сказала.", "Мне someone сказала."),
        ("这个水壶很好。王伟", "这个水壶很好。某人"),
        ("坏了。阿依古丽", "坏了。某人"),
        ("王先生说不好用,欧阳娜娜老师也是", "某人先生说不好用,某人老师也是"),
        ("我叫扎西,我住在新疆乌鲁木齐。", "我叫某人,我住在某地某地。"),
    ],
)
def test_whoever_signs_and_whoever_is_named_is_left_out(text: str, read: str) -> None:
    assert unnamed(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "Too small. Terrible",  # signed by a word of tone
        "It was Awful, and Excellent it is not.",
        "I said NOT good. I'm angry, and I've told them.",
        "It broke. “Never” again: Avoid it.",
        "Great Product. Works Well!",
        "物流很快。不满意",  # no name, but a word of tone
        "很好用。谢谢",
        "安装师傅很好,东西和王牌一样。",
        "推荐这款外套",
        "the kettle is good. john",
        "",
    ],
)
def test_what_is_no_name_or_cannot_be_told_from_one_stays(text: str) -> None:
    assert unnamed(text) == text


def test_the_cases_of_who_and_where_are_one_text_each() -> None:
    asked = [case for case in cases() if case.check in WHO_OR_WHERE]

    assert asked
    assert all(len({unnamed(text) for text in case.texts}) == 1 for case in asked)


def test_whoever_is_learned_from_is_left_out_of_chinese() -> None:
    assert {unnamed(f"很好。{each}") for each in PEOPLE["zh"]} == {"很好。某人"}
    assert {unnamed(f"我住在{each}。") for each in PLACES["zh"]} == {"我住在某地。"}


def test_nobody_and_no_place_of_the_check_list_is_learned_from() -> None:
    for language in NAMES:
        assert not {*PEOPLE[language], *PLACES[language]} & {*NAMES[language], *REGIONS[language]}


def test_a_reader_learns_from_what_the_stream_asks_it() -> None:
    texts = tuple(f"My friend Anna has number {number}." for number in range(200))
    stars = np.array([1, 5] * 100, np.float32)
    encoder = Heard()

    cut = tone_task(Reviews(texts, stars, np.arange(200, dtype=np.uint64)), Sizes(), 0)
    ToneReader(TaskReader(encoder, {"tone": HEAD}))(texts)

    assert encoder.read == [text.replace("Anna", SOMEONE) for text in texts]
    for part in (cut.task.valid, cut.test):
        assert len(part) > 0
        assert {*part.texts} <= {*encoder.read}
    assert not any("Anna" in text for text in cut.task.train.texts)


def test_clauses_are_read_without_names_and_shown_with_them() -> None:
    encoder = Heard()
    labels = ("use", "none")
    sure = TaskHead(
        "heard", "one", labels, np.array([[9, 0]], np.float32), np.zeros(2, np.float32), ONE
    )
    head = replace(HEAD, weights=np.full((1, 1), -9, np.float32))
    reader = ToneReader(TaskReader(encoder, {"tone": head, "aspect": sure}))

    (said,) = reader.aspects(["It is nothing for Priya. Lakisha"])

    assert encoder.read == ["it is nothing for someone", "someone"]
    assert [(each.aspect, each.tone) for each in said] == [(Aspect.USE, Tone.NEGATIVE)]
    assert said[0].words == "it is nothing for priya"
