"""GET /profile: what somebody's reviews say, by category and aspect, and who has read it."""

from typing import Any

from portrait.events.tone import Tone
from service.profiles.schemas import ProfileAnswer
from tests.support.catalogues import catalogue
from tests.support.shop import Shop, open_shop

COMPLAINT = "Arrived late, the delivery took weeks. I will not come back."
PRAISE = "Lovely quality."
UNSURE = "It is a thing."


def review(item: str, text: str | None, rating: float | None = None) -> dict[str, object]:
    fields = {"type": "review", "item_id": item, "text": text, "rating": rating}
    return {name: value for name, value in fields.items() if value is not None}


async def told(*reviews: dict[str, object], tones: dict[str, Tone | None] | None = None) -> Any:  # noqa: ANN401 - parsed JSON
    shop = Shop()
    await shop.stock()
    shop.remember("ann", *reviews, painted=catalogue(), tones=tones or {})
    async with open_shop(shop) as client:
        answer = (await client.get("/profile/ann")).json()
    ProfileAnswer.model_validate(answer)
    return answer


def counted(said: dict[str, int]) -> tuple[int, int, int]:
    return said["positive"], said["neutral"], said["negative"]


async def test_a_complaint_with_five_stars_is_told_as_one_and_keeps_its_stars() -> None:
    answer = await told(
        review("tuna", COMPLAINT, 5.0),
        review("milk", PRAISE, 5.0),
        tones={COMPLAINT: Tone.NEGATIVE},
    )

    by_item = {each["evidence"][0]["item_id"]: each for each in answer["reviews"]}
    assert counted(by_item["tuna"]) == (0, 0, 1)
    assert by_item["tuna"]["read_by"] == {"bert": 1, "stars": 0, "words": 0}
    assert counted(by_item["milk"]) == (1, 0, 0)
    assert by_item["milk"]["read_by"] == {"bert": 0, "stars": 1, "words": 0}
    _, complaint = answer["recent"]
    assert (complaint["rating"], complaint["tone"]) == (5.0, "negative")
    assert "weeks" not in str(answer)


async def test_aspects_are_told_with_their_tone_and_evidence() -> None:
    answer = await told(review("tuna", COMPLAINT), review("tuna", COMPLAINT))

    (said,) = answer["reviews"]
    delivery = next(each for each in said["aspects"] if each["aspect"] == "delivery")
    assert counted(delivery) == (0, 0, 2)
    assert [each["item_id"] for each in delivery["evidence"]] == ["tuna", "tuna"]
    assert said["category"] is not None


async def test_what_a_bert_is_not_sure_of_is_told_by_stars_or_not_at_all() -> None:
    answer = await told(
        review("tuna", UNSURE, 1.0),
        review("tuna", UNSURE + "!"),
        tones={UNSURE: None, UNSURE + "!": None},
    )

    (said,) = answer["reviews"]
    assert counted(said) == (0, 0, 1)
    assert said["read_by"] == {"bert": 0, "stars": 1, "words": 0}


async def test_without_a_reader_stars_and_words_are_told() -> None:
    answer = await told(
        review("tuna", "Horrible, useless."), review("tuna", None, 5.0), review("tuna", UNSURE)
    )

    (said,) = answer["reviews"]
    assert counted(said) == (1, 1, 1)
    assert said["read_by"] == {"bert": 0, "stars": 1, "words": 2}


async def test_who_has_reviewed_nothing_is_told_nothing() -> None:
    answer = await told({"type": "click", "item_id": "milk"})

    assert answer["reviews"] == []
