"""/models: what there is, what serves, what is asked for."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from portrait.evaluation.verdict import Verdict
from portrait.lifecycle.jobs import JobOverError, Situation, new_job
from portrait.lifecycle.need import Need
from portrait.model.model import Model
from tests.support.cards import NOON, card
from tests.support.catalogues import SPACE
from tests.support.patience import PATIENCE
from tests.support.shop import Shop, open_shop

OUTLINE = ("reading", "training", "measuring")


async def shop_with(*served: str, wait: str | None = None) -> Shop:
    """Return a shop in which these models have served, one after another."""
    shop = Shop()
    for place, version in enumerate(served):
        await shop.registry.add(card(version, age=9 - place, promote=True))
        await shop.registry.store(Model(version, SPACE))
        await shop.registry.want(version)
        await shop.registry.switch(version)
    if wait is not None:
        await shop.registry.add(card(wait, promote=True))
        await shop.registry.store(Model(wait, SPACE))
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
    assert shop.registry.now.champion == "v1"


async def test_what_should_not_serve_is_a_409_with_the_reason_unless_somebody_insists() -> None:
    shop = await shop_with("v1")
    await shop.registry.add(card("bad", promote=False))
    await shop.registry.store(Model("bad", SPACE))

    async with open_shop(shop) as client:
        refused = await client.post("/models/bad/promote")
        insisted = await client.post("/models/bad/promote", json={"insist": True})
        unknown = await client.post("/models/v9/promote")

    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:portrait:problem:model-not-promotable"
    assert refused.json()["detail"] == (
        'bad was refused: it is so. To promote it all the same, send {"insist": true}.'
    )
    assert insisted.status_code == 202
    assert shop.registry.now.wanted == "bad"
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


async def test_what_was_rolled_back_is_promoted_again_only_with_a_reason() -> None:
    shop = await shop_with("v1", "v2")
    await shop.registry.roll_back("complaints about shoes")

    async with open_shop(shop) as client:
        without = await client.post("/models/v2/promote")
        insisted = await client.post("/models/v2/promote", json={"insist": True})
        too_long = await client.post("/models/v2/promote", json={"reason": "x" * 501})
        before = (await client.get("/models/v2")).json()
        accepted = await client.post("/models/v2/promote", json={"reason": "texts repaired"})
        after = (await client.get("/models/v2")).json()

    assert (without.status_code, without.json()["type"]) == (
        409,
        "urn:portrait:problem:model-not-promotable",
    )
    assert without.json()["detail"] == (
        "v2 was rolled back: complaints about shoes. "
        'To promote it again, send {"reason": "why it may serve again"}.'
    )
    assert (insisted.status_code, too_long.status_code) == (409, 422)
    assert before["history"] == []
    assert (accepted.status_code, accepted.json()["role"]) == (202, "wanted")
    (note,) = after["history"]
    assert (note["reason"], note["rolled_back"]) == ("texts repaired", "complaints about shoes")


async def test_what_was_refused_and_rolled_back_says_at_once_all_that_is_to_be_sent() -> None:
    shop = await shop_with("v1")
    await shop.registry.add(card("bad", promote=False))
    await shop.registry.store(Model("bad", SPACE))
    await shop.registry.want("bad", insist=True)
    assert await shop.registry.switch("bad")
    await shop.registry.roll_back("complaints")
    answer = {"reason": "texts repaired", "insist": True}

    async with open_shop(shop) as client:
        plainly = await client.post("/models/bad/promote")
        accepted = await client.post("/models/bad/promote", json=answer)

    assert plainly.json()["detail"] == (
        "bad was rolled back: complaints. It was refused: it is so. To promote it all the same, "
        'send {"reason": "why it may serve again", "insist": true}.'
    )
    assert accepted.status_code == 202


async def test_a_training_is_a_job_to_follow() -> None:
    shop = Shop()
    await shop.lease.take()

    async with open_shop(shop) as client:
        asked = await client.post("/models/train", json={"reason": "new season"})
        token = shop.lease.token
        job = await shop.jobs.open()
        assert job is not None
        await shop.jobs.save(job.begun(NOON).at("training", {"loss": 1.5}), token)
        followed = await client.get(asked.headers["location"])
        listed = await client.get("/models/jobs")

    assert asked.status_code == 202
    assert (asked.json()["state"], asked.json()["reason"]) == ("queued", "new season")
    assert asked.json()["summary"] == "Queued: a trainer is alive, and takes it next."
    assert (followed.json()["state"], followed.json()["stage"]) == ("running", "training")
    assert followed.json()["figures"] == {"loss": 1.5}
    (same,) = listed.json()["jobs"]
    assert same | {"seconds_elapsed": 0} == followed.json() | {"seconds_elapsed": 0}
    assert listed.json()["trainer_is_alive"] is True


async def test_a_job_says_which_stage_how_far_and_how_long_still() -> None:
    shop = Shop()
    token = await shop.lease.take()
    assert token is not None
    job, now = new_job("request", "new season", NOON), datetime.now(UTC)
    await shop.jobs.ask(job)
    begun = job.begun(now - timedelta(seconds=70), OUTLINE, {"training": 50.0, "measuring": 90.0})
    await shop.jobs.save(begun.at("training", share=0.42, now=now).after(42), token)

    async with open_shop(shop) as client:
        answer = (await client.get(f"/models/jobs/{job.id}")).json()

    assert (answer["stage_number"], answer["stages"], answer["stage_share"]) == (2, 3, 0.42)
    assert 70 <= answer["seconds_elapsed"] < 70 + PATIENCE
    assert 90 <= answer["seconds_left"] <= 58 + 90
    assert answer["summary"].startswith("Training (2 of 3), 42% of it done; about 2 min left in")


async def test_a_first_training_says_how_far_it_is_and_owns_that_it_cannot_say_how_long() -> None:
    shop = Shop()
    token = await shop.lease.take()
    assert token is not None
    job = new_job("request", "new season", NOON)
    await shop.jobs.ask(job)
    await shop.jobs.save(job.begun(NOON, OUTLINE).at("reading", now=NOON), token)

    async with open_shop(shop) as client:
        answer = (await client.get(f"/models/jobs/{job.id}")).json()

    assert (answer["seconds_left"], answer["stage_share"]) == (None, None)
    assert answer["summary"] == "Reading (1 of 3)."


async def test_of_a_stage_that_takes_longer_than_last_time_nobody_says_how_long() -> None:
    shop = Shop()
    token = await shop.lease.take()
    assert token is not None
    job, now = new_job("request", "new season", NOON), datetime.now(UTC)
    await shop.jobs.ask(job)
    begun = job.begun(now - timedelta(seconds=70), OUTLINE, {"measuring": 9.0})
    await shop.jobs.save(begun.at("measuring", now=now).after(60), token)

    async with open_shop(shop) as client:
        answer = (await client.get(f"/models/jobs/{job.id}")).json()

    assert answer["seconds_left"] is None
    assert answer["summary"] == "Measuring (3 of 3); it takes longer than it did last time."


@pytest.mark.parametrize("begun", [False, True])
async def test_without_a_trainer_a_job_says_what_to_start(begun: bool) -> None:  # noqa: FBT001
    shop = Shop()
    job = new_job("request", "new season", NOON)
    await shop.jobs.ask(job)
    if begun:
        token = await shop.lease.take()
        assert token is not None
        await shop.jobs.save(job.begun(NOON, OUTLINE, {"reading": 9.0}).at("reading"), token)
        shop.lease.run_out()

    async with open_shop(shop) as client:
        answer = (await client.get(f"/models/jobs/{job.id}")).json()
        listed = (await client.get("/models/jobs")).json()

    then = "goes on from where it stopped" if begun else "then begins by itself"
    assert (answer["state"], answer["seconds_left"]) == ("waiting_for_trainer", None)
    assert answer["summary"] == (
        f"No trainer is alive: start one with `python -m workers train`. The job {then}."
    )
    assert listed["trainer_is_alive"] is False


async def test_what_is_missing_is_told_in_numbers() -> None:
    shop = Shop()
    token = await shop.lease.take()
    assert token is not None
    job = new_job("request", "new season", NOON)
    await shop.jobs.ask(job)
    need = Need(what="new events", there=129, needed=1_000)
    failed = job.begun(NOON, OUTLINE).ended("failed", f"There are {need}.", NOON, [need])
    await shop.jobs.save(failed, token)
    await shop.jobs.lack(Need(what="new labelled events", there=7, needed=50), timedelta(hours=1))

    async with open_shop(shop) as client:
        listed = (await client.get("/models/jobs")).json()

    assert listed["waits_for"] == {"what": "new labelled events", "there": 7, "needed": 50}
    assert listed["jobs"][0]["needs"] == [{"what": "new events", "there": 129, "needed": 1_000}]
    assert listed["jobs"][0]["summary"] == "Failed: There are 129 of 1,000 new events."


@pytest.mark.parametrize(
    ("body", "reason"),
    [(None, "cancelled over HTTP"), ({"reason": "the wrong catalogue"}, "the wrong catalogue")],
)
async def test_a_job_that_nobody_works_on_is_cancelled_at_once(body: object, reason: str) -> None:
    shop = Shop()
    job = new_job("request", "new season", NOON)
    await shop.jobs.ask(job)

    async with open_shop(shop) as client:
        first = await client.post(f"/models/jobs/{job.id}/cancel", json=body)
        second = await client.post(f"/models/jobs/{job.id}/cancel", json=body)
        next_one = await client.post("/models/train")

    assert (first.status_code, first.json()["state"]) == (202, "cancelled")
    assert first.json()["summary"] == f"Cancelled: {reason}"
    assert (second.status_code, second.json()["type"]) == (409, "urn:portrait:problem:job-over")
    assert second.json()["detail"] == f"Job {job.id} has ended: cancelled."
    assert next_one.status_code == 202


async def test_a_job_in_hand_is_cancelling_until_its_trainer_has_stopped() -> None:
    shop = Shop()
    token = await shop.lease.take()
    assert token is not None
    job = new_job("request", "new season", NOON)
    await shop.jobs.ask(job)
    await shop.jobs.save(job.begun(NOON, OUTLINE).at("training"), token)

    async with open_shop(shop) as client:
        asked = await client.post(f"/models/jobs/{job.id}/cancel")
        again = await client.post(f"/models/jobs/{job.id}/cancel")
        unknown = await client.post("/models/jobs/none/cancel")
        followed = await client.get(f"/models/jobs/{job.id}")

    assert (asked.status_code, asked.json()["state"]) == (202, "cancelling")
    assert (again.status_code, followed.json()["state"]) == (202, "cancelling")
    assert followed.json()["stage"] == "training"
    assert (unknown.status_code, unknown.json()["type"]) == (
        404,
        "urn:portrait:problem:job-not-found",
    )


@pytest.mark.parametrize("path", ["/models/jobs/{id}", "/models/jobs"])
async def test_a_job_that_ends_while_somebody_looks_is_never_shown_running_again(path: str) -> None:
    shop = Shop()
    token = await shop.lease.take()
    assert token is not None
    job = new_job("request", "new season", NOON)
    await shop.jobs.ask(job)
    at_work = job.begun(NOON, OUTLINE).at("training")
    await shop.jobs.save(at_work, token)
    await shop.jobs.cancel(job.id, "the wrong season", NOON)
    look = shop.jobs.situation

    async def look_as_it_ends() -> Situation:
        with suppress(JobOverError):  # it has by now
            await shop.jobs.save(at_work.ended("cancelled", "the wrong season", NOON), token)
        return await look()

    async with open_shop(shop) as client:
        shop.jobs.situation = look_as_it_ends  # type: ignore[method-assign]
        answer = (await client.get(path.format(id=job.id))).json()

    (shown,) = answer.get("jobs", [answer])
    assert shown["state"] == "cancelled"


@pytest.mark.parametrize("reason", [" ", "x" * 501, 7])
async def test_a_reason_that_is_none_cancels_nothing(reason: object) -> None:
    shop = Shop()
    job = new_job("request", "new season", NOON)
    await shop.jobs.ask(job)

    async with open_shop(shop) as client:
        answer = await client.post(f"/models/jobs/{job.id}/cancel", json={"reason": reason})

    assert answer.status_code == 422
    assert not (await shop.jobs.get(job.id)).is_over


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
        ("POST", "/models/jobs/x/cancel"),
    ],
)
async def test_while_redis_is_away_the_answer_is_to_come_back(method: str, path: str) -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        shop.registry.is_down = shop.jobs.is_down = True
        answer = await client.request(method, path)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
