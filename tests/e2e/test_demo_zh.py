"""The demo of a Chinese shop, a small one that learns nothing: `make demo-zh` in a minute."""

from collections.abc import Iterator
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from io import StringIO

import pytest

from demo.zh.__main__ import ENCODER, Told, run
from demo.zh.script import Plan
from portrait.text.text_encoder import BUNDLED

pytestmark = pytest.mark.e2e

SMALL = Plan(items=312, people=24, guests=60)
IS_CHINESE_READ = (ENCODER / "config.json").exists()  # after `make encoder-zh`


@dataclass(frozen=True, slots=True)
class Shown:
    """What came out, and what was printed."""

    told: Told
    printed: str


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    encoder = str(ENCODER) if IS_CHINESE_READ else BUNDLED
    with ExitStack() as stack, redirect_stdout(StringIO()) as printed:
        told = run(stack, tmp_path_factory.mktemp("demo"), SMALL, encoder, None, learns=False)[1]
        yield Shown(told, printed.getvalue())


def test_nothing_is_lost_and_every_figure_of_the_last_line_is_there(shown: Shown) -> None:
    figures = shown.told.figures

    assert shown.told.well
    assert figures["searches"] == 96
    assert 0 < float(str(figures["freshness_p99_ms"])) < 60_000
    assert [*figures] == [
        "searches",
        "found_first",
        "found_in_five",
        "freshness_p99_ms",
        "sentiment_accuracy",
        "fine_tuned",
    ]


def test_what_reads_reviews_was_not_fine_tuned_where_nothing_was_learned(shown: Shown) -> None:
    assert shown.told.figures["fine_tuned"] is False


def test_plain_complaints_are_read_from_texts(shown: Shown) -> None:
    assert float(str(shown.told.figures["sentiment_accuracy"])) > 0.6


def test_a_bad_batch_raises_one_alert(shown: Shown) -> None:
    (alert,) = shown.told.alerts

    assert alert["kind"] == "worse"
    assert "漏" in "".join(alert["examples"])


def test_a_shopper_is_shown_in_chinese(shown: Shown) -> None:
    for told in ("顾客画像", "因为", "搜索", "品牌", "推荐（", "舆情监测", "口碑变差"):
        assert told in shown.printed


@pytest.mark.skipif(not IS_CHINESE_READ, reason="asks for make encoder-zh")
def test_new_searches_find_what_is_meant(shown: Shown) -> None:
    assert float(str(shown.told.figures["found_first"])) > 0.7
    assert float(str(shown.told.figures["found_in_five"])) > 0.85
