"""Opinions: what is counted, what is kept of people, and what becomes an alert."""

import json
from dataclasses import replace

import pytest

from portrait.opinions.alert import AlertKind
from portrait.opinions.aspects import Aspect, Tone, aspects_of
from portrait.opinions.harm import Harm, harm_of
from portrait.opinions.ledger import Ledger
from portrait.opinions.mention import Mention, mention_of_review
from portrait.opinions.subject import Subject, SubjectKind, subjects_of
from portrait.opinions.voices import KEPT_DAYS, MOST_AUTHORS, PER_SLOT, Voices, authors_in
from portrait.opinions.windows import KEPT, TEXTS, Width, Window, share_of, windows_of
from portrait.opinions.written import read_head, write_head
from portrait.times import DAY_MS, HOUR_MS
from tests.support.records import one_event, payload
from tests.support.reviewers import BEGIN, Everybody, day_of, drawn, mention, shop

ALL_YEAR = 365


def test_a_year_without_a_turn_raises_no_alert() -> None:
    random, everybody = drawn(3), Everybody()
    products = shop(random, 6)

    for day in range(ALL_YEAR):
        everybody.read([m for p in products for m in day_of(random, p, day, p.negative)])

    assert everybody.book.alerts == []


@pytest.mark.parametrize("rise", [0.4, 0.2])  # with the second one the shop turns weeks later
def test_a_planted_turn_raises_one_alert_of_the_item_and_none_of_what_it_is_part_of(
    rise: float,
) -> None:
    random, everybody = drawn(5), Everybody()
    first, *others = shop(random, 6, daily=3.0)
    first = replace(first, daily=15.0)  # so that its brand and its category turn with it

    for day in range(140):
        negative = first.negative + (rise if day >= 90 else 0.0)
        said = [m for p in others for m in day_of(random, p, day, p.negative)]
        everybody.read([*said, *day_of(random, first, day, negative)])

    (alert,) = everybody.book.alerts
    assert (alert.kind, alert.subject_kind, alert.subject) == ("worse", "item", first.item)
    begun = (alert.since.timestamp() * 1_000 - BEGIN) / DAY_MS
    assert 80 <= begun <= 100
    assert alert.after.low > alert.before.high
    assert alert.examples
    joined = {name for names in everybody.book.joined.values() for name in names}
    assert f"brand:{first.brand}" in joined


def test_what_turns_back_is_told_as_better() -> None:
    random, everybody = drawn(2), Everybody()
    (product,) = shop(random, 1, daily=12.0)

    for day in range(120):
        everybody.read([*day_of(random, product, day, 0.7 if 40 <= day < 80 else 0.1)])

    assert [each.kind for each in everybody.book.alerts] == ["worse", "better"]


def test_a_burst_by_few_accounts_is_told_apart_and_is_no_turn() -> None:
    random, everybody = drawn(2), Everybody()
    (product,) = shop(random, 1, daily=6.0)
    for day in range(60):
        everybody.read([*day_of(random, product, day, 0.1)])

    for number in range(60):
        at = BEGIN + 60 * DAY_MS + number * 60_000
        author = f"troll-{number % 5}"
        everybody.read([mention(product, at, f"burst-{number}", author, Tone.NEGATIVE)])

    (alert,) = everybody.book.alerts
    assert alert.kind is AlertKind.FEW_AUTHORS
    assert alert.after.count <= 12
    assert alert.after.of >= 20


def test_the_same_burst_by_as_many_people_is_a_turn() -> None:
    random, everybody = drawn(2), Everybody()
    (product,) = shop(random, 1, daily=6.0)
    for day in range(60):
        everybody.read([*day_of(random, product, day, 0.1)])

    for number in range(60):
        at = BEGIN + 60 * DAY_MS + number * 60_000
        everybody.read([mention(product, at, f"b{number}", f"p{number}", Tone.NEGATIVE)])

    assert [each.kind for each in everybody.book.alerts] == ["worse"]


def test_windows_are_kept_so_long_and_no_longer() -> None:
    ledger = Ledger(Subject(SubjectKind.ITEM, "tea"))
    (product,) = shop(drawn(0), 1)

    for day in range(500):
        at = BEGIN + day * DAY_MS
        ledger.take(mention(product, at, f"n{day}", "ann", Tone.POSITIVE), None)

    kept = {width: sum(each.width is width for each in ledger.windows) for width in Width}
    assert kept == {Width.HOUR: 2, Width.DAY: KEPT[Width.DAY], Width.WEEK: KEPT[Width.WEEK]}
    assert len(ledger.voices) == KEPT_DAYS
    assert set(ledger.counts) == ledger.windows


def test_a_ledger_reads_as_it_was_written() -> None:
    ledger = Ledger(Subject(SubjectKind.BRAND, "Private"))
    (product,) = shop(drawn(0), 1)
    for number in range(100):
        at = BEGIN + number * HOUR_MS
        tone = Tone.NEGATIVE if number % 3 else Tone.POSITIVE
        ledger.take(mention(product, at, f"n{number}", f"u{number}", tone), "t1")

    read = read_head(write_head(ledger))

    assert read.subject == ledger.subject
    assert read.negative == ledger.negative
    assert read.windows == ledger.windows
    assert read.companions == ledger.companions
    assert b"u99" not in write_head(ledger)


def test_texts_count_in_the_hour_the_day_and_the_week_they_were_written_in() -> None:
    ledger = Ledger(Subject(SubjectKind.ITEM, "tea"))
    (product,) = shop(drawn(0), 1)
    for number, hour in enumerate((0, 0, 1, 25)):
        at = BEGIN + hour * HOUR_MS
        ledger.take(mention(product, at, f"n{number}", f"u{number % 2}", Tone.POSITIVE), None)

    counted = {
        width: [ledger.counts[w][TEXTS] for w in sorted(ledger.counts) if w.width is width]
        for width in Width
    }

    assert counted[Width.HOUR] == [2, 1, 1]
    assert counted[Width.DAY] == [3, 1]
    assert sum(counted[Width.WEEK]) == 4


def test_a_window_is_named_and_read_and_begins_on_a_monday() -> None:
    for window in windows_of(BEGIN):
        assert Window.named(str(window)) == window
        assert window.begins <= BEGIN < window.ends
    week = Window.of(Width.WEEK, BEGIN)
    assert (week.begins // DAY_MS + 3) % 7 == 0  # 1970 began on a Thursday


def test_an_interval_is_wilsons() -> None:
    share = share_of(9, 10)  # worked by hand: Brown, Cai and DasGupta 2001 give .596 to .982

    assert [round(part, 3) for part in share] == [0.9, 0.596, 0.982]
    assert share_of(0, 0) == (0.0, 0.0, 1.0)


def test_of_many_authors_the_number_is_estimated_from_the_least_hashes() -> None:
    voices, random = Voices(), drawn(1)
    (product,) = shop(random, 1)

    for number in range(5_000):
        voices.hear(mention(product, BEGIN, f"n{number}", f"u{number}", Tone.NEUTRAL), [])

    assert len(voices.authors) == MOST_AUTHORS
    assert abs(authors_in([voices]) / 5_000 - 1) < 0.2


def test_an_erased_author_is_in_no_set_and_behind_no_figure() -> None:
    voices = Voices()
    (product,) = shop(drawn(0), 1)
    mine = mention(product, BEGIN, "mine", "ann", Tone.NEGATIVE)
    voices.hear(mine, ["negative"])
    voices.hear(mention(product, BEGIN, "other", "bob", Tone.NEGATIVE), ["negative"])

    assert voices.without(mine.author or 0)

    assert len(voices.authors) == 1
    assert [each.text for each in voices.examples["negative"]] == ["text other"]


def test_examples_are_bounded_and_a_sample() -> None:
    voices = Voices()
    (product,) = shop(drawn(0), 1)
    for number in range(200):
        text = mention(product, BEGIN, f"n{number}", "ann", Tone.NEGATIVE)
        voices.hear(text, ["negative"])

    kept = voices.examples["negative"]

    assert len(kept) == PER_SLOT
    assert {each.text for each in kept} != {"text n0", "text n1"}


def test_aspects_are_read_with_their_tone_in_both_languages() -> None:
    said = {
        "Too expensive, but the quality is great. Delivery took weeks and it was terrible.": {
            Aspect.PRICE: Tone.NEGATIVE,
            Aspect.QUALITY: Tone.POSITIVE,
            Aspect.DELIVERY: Tone.NEGATIVE,
        },
        "价格便宜，质量很好，就是快递太慢了": {  # noqa: RUF001 - as it is written
            Aspect.PRICE: Tone.POSITIVE,
            Aspect.QUALITY: Tone.POSITIVE,
            Aspect.DELIVERY: Tone.NEGATIVE,
        },
        "It is not expensive at all.": {Aspect.PRICE: Tone.POSITIVE},
        "衣服不贵，客服很热情": {Aspect.PRICE: Tone.POSITIVE, Aspect.SERVICE: Tone.POSITIVE},  # noqa: RUF001
        "I was on holiday.": {},
        "节奏很快": {},
        "电脑太慢": {},
        "很快就收到了": {Aspect.DELIVERY: Tone.POSITIVE},
        "物流很快": {Aspect.DELIVERY: Tone.POSITIVE},
        "送货速度很快": {Aspect.DELIVERY: Tone.POSITIVE},
        "客服回复很慢": {Aspect.SERVICE: Tone.NEGATIVE},
    }

    for text, aspects in said.items():
        assert {each.aspect: each.tone for each in aspects_of(text)} == aspects, text


def test_a_clause_that_names_nothing_goes_on_about_what_was_named() -> None:
    (said,) = aspects_of("About the delivery: it came. It was terrible.")

    assert (said.aspect, said.tone) == (Aspect.DELIVERY, Tone.NEGATIVE)
    assert said.words == "it was terrible"


def test_harm_is_what_is_said_openly_and_no_review_of_a_knife() -> None:
    assert harm_of("I will kill you all") is Harm.THREAT
    assert harm_of("快去*死") is Harm.SELF_HARM
    assert harm_of("你这傻逼") is Harm.ABUSE
    for text in ("去死皮效果很好", "This killer knife is to die for", "送给老妈的礼物"):
        assert harm_of(text) is None, text


def test_stars_are_not_read_over_and_a_review_that_says_nothing_is_none() -> None:
    praised = _review(text="terrible, broken, awful", rating=5)
    silent = _review(text=None, rating=None)

    assert praised is not None
    assert praised.tone is Tone.POSITIVE
    assert dict(praised.aspects)["quality"] is Tone.NEGATIVE
    assert silent is None


def test_a_category_is_one_subject_however_it_is_written_and_each_level_is_one() -> None:
    def categories(path: str) -> list[int]:
        subjects = subjects_of(source="s", item=None, subject=None, brand="", category=path)
        return [each.ref for each in subjects if each.kind is SubjectKind.CATEGORY]

    assert categories("Grocery > Tea > Green") == categories("grocery/tea/green")
    assert len(categories("Grocery > Tea > Green")) == 3


def _review(**changes: object) -> Mention | None:
    event = one_event(json.dumps(payload(type="review", **changes)).encode())
    return mention_of_review(event, BEGIN, None)
