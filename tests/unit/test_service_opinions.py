"""GET /opinions: figures, intervals, examples, alerts."""

import time
from random import Random

from portrait.events.progress import OPINIONS_GROUP
from portrait.opinions.aspects import Tone
from portrait.opinions.book import Book
from portrait.opinions.topics import Topic, Topics
from portrait.opinions.windows import share_of
from portrait.times import DAY_MS, to_moment
from service.opinions.routes import NOBODY_READS
from tests.support.reviewers import Product, drawn, made_alert, mention
from tests.support.shop import Shop, open_shop

TODAY = round(time.time() * 1_000) // DAY_MS * DAY_MS
TEA = Product("tea", "Leaf", "Grocery > Tea", 1, 0)


async def shop_with_reviews(days: int = 3, daily: int = 10) -> Shop:
    shop, random = Shop(), drawn(1)
    await shop.stock()
    mentions = [
        mention(TEA, TODAY - day * DAY_MS + n, f"{day}-{n}", f"u{n}", _tone(random))
        for day in range(days)
        for n in range(daily)
    ]
    opened = await shop.opinions.load(mentions)
    Book(opened.ledgers).take(mentions, ["t1"] * len(mentions))
    await shop.opinions.save(opened, mentions, [made_alert()], {}, [], [])
    topics = (Topic("t1", {"cap": 2.0, "leaks": 1.0}, 30),)
    await shop.opinions.put_topics(Topics(topics, Topics.none().centres, None))
    return shop


def _tone(random: Random) -> Tone:
    return Tone.NEGATIVE if random.random() < 0.3 else Tone.POSITIVE


async def test_where_nobody_has_read_anything_it_says_what_reads_and_how_to_start_it() -> None:
    unread, read, quiet = Shop(), await shop_with_reviews(), Shop()
    for shop in (unread, quiet):
        await shop.stock()
    quiet.offsets.ends[OPINIONS_GROUP] = {("events.review", 0): 3}
    hints = []
    for shop in (unread, read, quiet):
        async with open_shop(shop) as client:
            hints.append((await client.get("/opinions")).json()["hint"])

    assert hints == [NOBODY_READS, None, None]
    assert "`portrait opinions`" in NOBODY_READS


async def test_figures_have_intervals_and_texts_behind_them() -> None:
    shop = await shop_with_reviews()

    async with open_shop(shop) as client:
        answer = (await client.get("/opinions?kind=item&name=tea&window=day")).json()

    (opinion,) = answer["opinions"]
    assert (opinion["kind"], opinion["name"]) == ("item", "tea")
    assert [window["texts"] for window in opinion["windows"]] == [10, 10, 10]
    for window in opinion["windows"]:
        negative = window["negative"]
        share, low, high = (round(part, 4) for part in share_of(negative["count"], 10))
        assert (negative["share"], negative["low"], negative["high"]) == (share, low, high)
        assert negative["examples"]
        assert window["positive"]["count"] + negative["count"] == 10
        assert window["authors"] == 10
        (topic,) = window["topics"]
        assert (topic["topic_id"], topic["words"]) == ("t1", "cap leaks")
        assert topic["negative"]["examples"]
    assert [alert["alert_id"] for alert in answer["alerts"]] == ["a1"]
    assert opinion["alerts"] == answer["alerts"]


async def test_since_and_windows_and_weeks_are_what_is_asked_for() -> None:
    shop = await shop_with_reviews(days=20)
    since = to_moment(TODAY - DAY_MS).isoformat().replace("+", "%2B")

    async with open_shop(shop) as client:
        recent = (await client.get(f"/opinions?name=tea&since={since}")).json()
        two = (await client.get("/opinions?name=tea&windows=2")).json()
        weeks = (await client.get("/opinions?name=tea&window=week&windows=9")).json()

    assert len(recent["opinions"][0]["windows"]) == 2
    assert len(two["opinions"][0]["windows"]) == 2
    windows = weeks["opinions"][0]["windows"]
    assert sum(window["texts"] for window in windows) == 200
    assert len(windows) in {3, 4}


async def test_a_category_is_found_however_it_is_written() -> None:
    shop = await shop_with_reviews()

    async with open_shop(shop) as client:
        answer = (await client.get("/opinions?kind=category&name=grocery/tea")).json()

    assert [each["name"] for each in answer["opinions"]] == ["Grocery > Tea"]


async def test_what_nobody_wrote_of_is_an_empty_list_and_nonsense_is_refused() -> None:
    shop = Shop()
    await shop.stock()

    async with open_shop(shop) as client:
        empty = await client.get("/opinions?kind=brand&name=nobody")
        refused = [
            (await client.get(f"/opinions?{query}")).status_code
            for query in ("kind=star", "after=x", "windows=0", "limit=51", "since=yesterday")
        ]

    assert empty.json() == {"opinions": [], "next": None, "alerts": [], "hint": NOBODY_READS}
    assert refused == [422] * 5
