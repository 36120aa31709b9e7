"""The Chinese script plants what it says it plants, and is shown in Chinese."""

import json
import zipfile
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from demo.zh.ask import Found, Opinions
from demo.zh.report_shop import opinions_text, searches_text
from demo.zh.report_shopper import profile_text, recommendations_text
from demo.zh.reviews import HELD_OUT, LEAVES
from demo.zh.script import REPLAYED, Plan, Script, write_script
from demo.zh.writing import traditional, wide
from portrait.events.event import Action, Event
from portrait.wording import worded
from sandbox.planted.people import Person
from sandbox.planted.shop import Fields
from sandbox.planted.words import read_words

ENDS_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
SMALL = Plan(items=312, people=30, guests=200)


@cache
def script() -> Script:
    return write_script(SMALL, None, ENDS_AT)


def log() -> list[Fields]:
    return [*script().past, *script().replay]


def reviews_of(item: str, events: list[Fields]) -> list[str]:
    return [
        str(event["text"])
        for event in events
        if event["type"] == "review" and event["item_id"] == item
    ]


def test_words_are_said_once() -> None:
    words = read_words("zh-shop")
    names = {name for leaf in words.leaves for name in (leaf.name, leaf.top, *leaf.nouns)}
    searches = [search for leaf in words.leaves for search in leaf.searches]
    sentences = [*words.praise, *words.blame, *words.wave]

    assert len(set(searches)) == len(searches) == 6 * len(words.leaves)
    assert not names & set(searches)
    assert len(set(sentences)) == len(sentences)
    assert {len(leaf.brands[level]) for leaf in words.leaves for level in words.brands} == {2}


def test_the_same_arguments_give_the_same_store() -> None:
    assert write_script(SMALL, None, ENDS_AT) == script()


def test_every_action_is_in_the_log_and_every_event_is_read() -> None:
    events = [Event.model_validate_json(json.dumps(event)) for event in log()]

    assert {event.type for event in events} == set(Action)
    assert len({event.event_id for event in events}) == len(events)
    assert max(event.occurred_at for event in events) <= ENDS_AT


def test_the_replay_is_the_last_days_of_the_log() -> None:
    since = ENDS_AT - REPLAYED
    past, later = (
        [datetime.fromisoformat(str(event["occurred_at"])) for event in events]
        for events in (script().past, script().replay)
    )

    assert max(past) < since <= min(later)


def test_nobody_has_made_the_new_searches_in_any_way_of_writing() -> None:
    made = {worded(str(event["text"])) for event in log() if event["type"] == "search"}
    new = {worded(search.text) for search in script().searches}

    assert made
    assert not made & new
    assert len(new) == len(script().searches) == 4 * len(script().shop.leaves)


def test_searches_are_written_in_three_ways() -> None:
    assert Counter(search.form for search in script().searches) == {
        "as written": 48,
        "traditional": 24,
        "full width": 24,
    }
    assert traditional("头发") == "頭髮"
    assert wide("5G手机") == "５Ｇ手机"
    assert worded(wide(traditional("5G手机"))) == worded("5G手机")


def test_nobody_has_said_a_sentence_of_the_new_reviews() -> None:
    said = "".join(str(event["text"]) for event in log() if event["type"] == "review")
    words = read_words("zh-shop")
    sentences = [*words.praise[len(words.praise) // 2 :], *words.blame[len(words.blame) // 2 :]]

    assert len(script().held_out) == HELD_OUT
    assert not [sentence for sentence in sentences if sentence in said]
    for review in script().held_out:
        assert any(sentence in review.text for sentence in sentences)
        assert any(each in review.text for each in words.blame) == review.is_blame


def test_a_batch_turns_bad_when_the_replay_begins() -> None:
    blame = {*read_words("zh-shop").wave}
    before, after = (
        reviews_of(script().bad.id, [*events]) for events in (script().past, script().replay)
    )

    assert not blame & {*before}
    assert sum(text in blame for text in after) > 0.7 * len(after) > 20


def test_real_reviews_are_of_goods_that_they_can_be_about(tmp_path: Path) -> None:
    rows = [
        f"{category},{label},{category}的第{number}条真实评价{'好' if label else '差'}"
        for category in LEAVES
        for label in (0, 1)
        for number in range(60)
    ]
    archive = tmp_path / "reviews.zip"
    with zipfile.ZipFile(archive, "w") as folder:
        folder.writestr("reviews.csv", "\n".join(["cat,label,review", *rows]))

    real = write_script(SMALL, archive, ENDS_AT)

    said = {
        (real.shop.by_id[str(event["item_id"])].leaf.split(" > ")[1], str(event["text"]))
        for event in [*real.past, *real.replay]
        if event["type"] == "review" and "真实评价" in str(event["text"])
    }
    assert said
    assert {leaf in LEAVES[text.split("的")[0]] for leaf, text in said} == {True}
    assert not {text for _, text in said} & {review.text for review in real.held_out}
    guests = {
        real.shop.by_id[str(event["item_id"])].leaf.split(" > ")[1]
        for event in [*real.past, *real.replay]
        if str(event.get("user_id")).startswith("guest-")
    }
    assert guests == {leaf for leaves in LEAVES.values() for leaf in leaves}
    assert len(real.held_out) == HELD_OUT
    assert all(("差" in review.text) == review.is_blame for review in real.held_out)


@pytest.mark.parametrize("content", [None, b"no archive", b"text,stars\ngood,5\n"])
def test_what_holds_no_reviews_is_said_in_a_sentence(tmp_path: Path, content: bytes | None) -> None:
    archive = tmp_path / "reviews.zip"
    if content is not None and b"," in content:
        with zipfile.ZipFile(archive, "w") as folder:
            folder.writestr("reviews.csv", content)
    elif content is not None:
        archive.write_bytes(content)

    with pytest.raises(
        SystemExit, match=r"reviews\.zip is no zip file of a CSV file with .* review"
    ):
        write_script(SMALL, archive, ENDS_AT)


def recommendation(action: str, title: str | None) -> dict[str, Any]:
    reason = {"action": action, "title": title, "share": 0.5}
    item = {"score": 1.0, "title": "米诺 快充高清拍照手机", "price": 960.5}
    return {"strategy": "profile", "items": [{**item, "reasons": [reason], "against": []}]}


@pytest.mark.parametrize(
    ("action", "title", "said"),
    [
        ("purchase", "曜石 大屏手机", "买过「曜石 大屏手机」（+0.50）"),
        ("search", "拍照清楚的", "搜索过「拍照清楚的」（+0.50）"),
        (
            "price",
            "In the price range of what you chose so far, for its category",
            "价格符合其平时的档位",
        ),
        ("popularity", "What everybody did with it counts as 3 purchases", "大家都在买"),
    ],
)
def test_every_reason_is_said_in_chinese(action: str, title: str, said: str) -> None:
    shown = recommendations_text(recommendation(action, title))

    assert said in shown
    assert not [letter for letter in shown if letter.isascii() and letter.isalpha()]


def test_a_complaint_is_told_as_what_speaks_against() -> None:
    answer = recommendation("price", None)
    answer["items"][0]["against"] = [{"action": "return", "title": "米诺 手机", "share": -0.2}]

    assert "尽管退过「米诺 手机」（-0.20）" in recommendations_text(answer)


def test_columns_stand_below_each_other_for_chinese_takes_two() -> None:
    answer = recommendation("price", None)
    answer["items"].append({**answer["items"][0], "title": "拾页 ＡＢＣ dvd"})

    first, second = (line for line in recommendations_text(answer).splitlines() if "元" in line)

    wide_signs = [
        sum(not sign.isascii() for sign in line.split("元")[0]) for line in (first, second)
    ]
    assert len(first) + wide_signs[0] == len(second) + wide_signs[1]


def test_an_alert_is_told_with_what_turned_since_when_and_in_whose_words() -> None:
    alert = {
        "kind": "worse",
        "subject_kind": "item",
        "subject": "item-500",
        "since": "2026-10-26T13:27:00Z",
        "not_before": "2026-10-24T02:10:00Z",
        "not_after": "2026-10-27T16:40:00Z",
        "at": "2026-10-28T01:05:00Z",
        "before": {"count": 10, "of": 108, "share": 0.0926},
        "after": {"count": 13, "of": 16, "share": 0.8125},
        "authors": 19,
        "examples": ["漏液了", "漏液了"],
        "also": ["brand:凝萃"],
    }

    shown = opinions_text(Opinions([], [], [alert]), {"item-500": "凝萃 护发素"})

    assert "口碑变差：商品「凝萃 护发素」，约自 2026-10-26 21:27 起" in shown
    assert "（95% 可能介于 10-24 与 10-28 之间）" in shown
    assert "9%（10/108） → 81%（13/16）（2026-10-28 09:05 判定时），近 7 天共 19 位作者" in shown
    assert shown.count("漏液了") == 1
    assert "品牌「凝萃」" in shown


def test_a_search_whose_first_item_was_not_meant_says_so() -> None:
    shown = [("红茶", "正山小种", True), ("老人手机", "绘画平板", False)]

    told = searches_text(Found(0.5, 0.5, 0, {"as written": 0.5}, shown)).splitlines()

    assert told[1:] == ["      「红茶」 → 正山小种", "      「老人手机」 → 绘画平板（未命中）"]


PERSON = Person("person-7", "rising", ("美妆个护 > 口红", "食品生鲜 > 茶叶"), "水漾", "middle")
AT = "2026-10-31T16:30:00Z"


def profile(**more: object) -> dict[str, Any]:
    seen = {"item_id": "item-1", "title": "水漾 显白唇膏", "occurred_at": AT}
    sought = {"action": "search", "item_id": None, "title": "正紅色", "occurred_at": AT}
    interest = {
        "category": "美妆个护 > 口红",
        "score": 0.5,
        "direction": "rising",
        "evidence": [{"action": "cart", **seen}, {"action": "cart", **seen}, sought],
    }
    review = {"action": "review", **seen, "rating": None, "tone": "negative"}
    return {
        "user_id": "person-7",
        "events_folded": 88,
        "profile_as_of": AT,
        "model_version": "m",
        "activity": {"state": "active", "usual_gap_days": 2.5},
        "interests": [interest, {**interest, "category": "食品生鲜 > 茶叶", "score": 0.01}],
        "brands": [{"brand": "水漾", "share": 0.6}],
        "price_band": {"low": 50, "typical": 140, "high": 300},
        "recent": [review, sought],
        "purchase_intent": {"within_days": 7, "probability": 0.8},
        "churn_risk": None,
        "likely_interests": [],
        **more,
    }


def test_a_profile_is_told_with_its_evidence_each_once() -> None:
    shown = profile_text(profile(), PERSON)

    assert (
        "共 88 条行为，最近一次 2026-11-01 00:30（北京时间），仍活跃，平均每 2.5 天来一次" in shown
    )
    assert "↗ 美妆个护 > 口红           50% ████████████\n" in shown
    assert "        因为加购过「水漾 显白唇膏」、搜索过「正紅色」\n" in shown
    assert shown.count("食品生鲜 > 茶叶") == 1  # what was planted: a hundredth is not shown
    assert "搜索  「正紅色」\n" in shown
    assert "品牌  水漾 60%" in shown
    assert "所看所买通常 140 元，大多在 50 到 300 元之间" in shown
    assert "「水漾 显白唇膏」未打星，读出是差评" in shown
    assert "7 天内再次购买 80%\n" in shown
    assert (
        "越来越喜欢「美妆个护 > 口红」，同时关注「食品生鲜 > 茶叶」；有「水漾」时优先选它；"
        "消费档位：中档" in shown
    )


def test_it_is_said_where_no_head_may_foretell_anything() -> None:
    shown = profile_text(profile(purchase_intent=None), PERSON)

    assert "展望  模型未胜过简单基线，暂不预测\n" in shown


def test_what_reviews_say_is_told_by_category_and_aspect_where_a_profile_has_it() -> None:
    tones = {"positive": 1, "neutral": 0, "negative": 2}
    quality = {"aspect": "quality", "positive": 0, "neutral": 0, "negative": 2}
    read_by = {"bert": 3, "stars": 0, "words": 0}
    said = {"category": "美妆个护 > 口红", **tones, "read_by": read_by, "aspects": [quality]}

    shown = profile_text(profile(reviews=[said]), PERSON)

    assert "美妆个护 > 口红：好评 1、差评 2；其中提到质量差评 2（BERT 读出 3 条）" in shown
