"""/models: what there is, what serves, what is asked for."""

import pytest

from portrait.jobs import new_job
from portrait.verdict import Verdict
from service.model_examples import JOB, JOBS, MODEL, MODELS, PROMOTION, ROLLBACK
from service.model_schemas import (
    JobAnswer,
    JobsAnswer,
    ModelAnswer,
    ModelsAnswer,
    PromotionAccepted,
    RollbackAnswer,
)
from service.schemas import Answered
from tests.contract.test_training import NOON, card
from tests.shop import Shop, open_shop


async def shop_with(*served: str, wait: str | None = None) -> Shop:
    """Return a shop in which these models have served, one after another."""
    shop = Shop()
    for place, version in enumerate(served):
        await shop.models.add(card(version, age=9 - place, promote=True))
        shop.models.kept.add(version)
        await shop.models.want(version)
        await shop.models.switch(version)
    if wait is not None:
        await shop.models.add(card(wait, promote=True))
        shop.models.kept.add(wait)
    return shop


async def test_models_are_listed_with_what_they_are() -> None:
    shop = await shop_with("v1", "v2", wait="v3")

    async with open_shop(shop) as client:
        answer = (await client.get("/models")).json()

    assert (answer["champion"], answer["former"], answer["wanted"]) == ("v2", "v1", None)
    assert [(model["version"], model["role"]) for model in answer["models"]] == [
        ("v3", "candidate"),
        ("v2", "champion"),
        ("v1", "former"),
    ]
    assert answer["models"][0]["promote"] is True
    assert answer["models"][0]["reason"] == "it is so"


async def test_before_the_first_model_the_list_is_empty() -> None:
    async with open_shop(Shop()) as client:
        answer = await client.get("/models")

    assert answer.json() == {"champion": None, "former": None, "wanted": None, "models": []}


async def test_a_model_shows_its_verdict_in_full() -> None:
    shop = await shop_with("v1")

    async with open_shop(shop) as client:
        known = await client.get("/models/v1")
        unknown = await client.get("/models/v9")
        odd = await client.get("/models/-v")

    verdict = Verdict.model_validate(known.json()["verdict"])
    assert verdict == card("v1", promote=True).verdict
    assert known.json()["encoder"] == "hash"
    assert (unknown.status_code, unknown.json()["type"]) == (
        404,
        "urn:portrait:problem:model-not-found",
    )
    assert odd.status_code == 422


@pytest.mark.parametrize("body", [None, {}, {"insist": False}])
async def test_a_promotion_is_a_wish_and_asking_again_changes_nothing(body: object) -> None:
    shop = await shop_with("v1", wait="v2")

    async with open_shop(shop) as client:
        first = await client.post("/models/v2/promote", json=body)
        second = await client.post("/models/v2/promote", json=body)
        champion = await client.post("/models/v1/promote", json=body)

    assert (first.status_code, first.json()) == (202, {"version": "v2", "role": "wanted"})
    assert (second.status_code, second.json()) == (202, first.json())
    assert (champion.status_code, champion.json()) == (202, {"version": "v1", "role": "champion"})
    assert shop.models.now.champion == "v1"


async def test_what_should_not_serve_is_a_409_with_the_reason_unless_somebody_insists() -> None:
    shop = await shop_with("v1")
    await shop.models.add(card("bad", promote=False))
    shop.models.kept.add("bad")

    async with open_shop(shop) as client:
        refused = await client.post("/models/bad/promote")
        insisted = await client.post("/models/bad/promote", json={"insist": True})
        unknown = await client.post("/models/v9/promote")

    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:portrait:problem:model-not-promotable"
    assert refused.json()["detail"] == "bad was refused: it is so"
    assert insisted.status_code == 202
    assert shop.models.now.wanted == "bad"
    assert unknown.status_code == 404


async def test_a_rollback_is_at_once_and_possible_once() -> None:
    shop = await shop_with("v1", "v2")

    async with open_shop(shop) as client:
        first = await client.post("/models/rollback", json={"reason": "complaints"})
        second = await client.post("/models/rollback")
        taken_out = (await client.get("/models/v2")).json()

    assert (first.status_code, first.json()) == (200, {"champion": "v1"})
    assert (second.status_code, second.json()["type"]) == (
        409,
        "urn:portrait:problem:no-former-model",
    )
    assert (taken_out["role"], taken_out["reason"]) == ("rolled back", "complaints")


async def test_a_training_is_a_job_to_follow() -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        asked = await client.post("/models/train", json={"reason": "new season"})
        token = await shop.lease.take()
        assert token is not None
        job = await shop.jobs.open()
        assert job is not None
        await shop.jobs.save(job.begun(NOON).at("training", {"loss": 1.5}), token)
        followed = await client.get(asked.headers["location"])
        listed = await client.get("/models/jobs")

    assert asked.status_code == 202
    assert (asked.json()["state"], asked.json()["reason"]) == ("queued", "new season")
    assert (followed.json()["state"], followed.json()["stage"]) == ("running", "training")
    assert followed.json()["figures"] == {"loss": 1.5}
    assert listed.json()["jobs"] == [followed.json()]


async def test_a_second_training_is_a_409_that_names_the_first() -> None:
    shop = Shop()
    job = new_job("drift", "PSI of lengths 0.3", NOON)
    await shop.jobs.ask(job)

    async with open_shop(shop) as client:
        answer = await client.post("/models/train")

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:portrait:problem:job-open")
    assert job.id in answer.json()["detail"]


async def test_an_unknown_job_is_a_404() -> None:
    async with open_shop(Shop()) as client:
        answer = await client.get("/models/jobs/none")

    assert (answer.status_code, answer.json()["type"]) == (
        404,
        "urn:portrait:problem:job-not-found",
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/models"),
        ("GET", "/models/v1"),
        ("POST", "/models/v1/promote"),
        ("POST", "/models/rollback"),
        ("POST", "/models/train"),
        ("GET", "/models/jobs"),
        ("GET", "/models/jobs/x"),
    ],
)
async def test_while_redis_is_away_the_answer_is_to_come_back(method: str, path: str) -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        shop.models.is_down = shop.jobs.is_down = True
        answer = await client.request(method, path)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        (ModelsAnswer, MODELS),
        (ModelAnswer, MODEL),
        (PromotionAccepted, PROMOTION),
        (RollbackAnswer, ROLLBACK),
        (JobAnswer, JOB),
        (JobsAnswer, JOBS),
    ],
)
def test_the_examples_are_valid(schema: type[Answered], example: object) -> None:
    schema.model_validate(example)
