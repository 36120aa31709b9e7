"""The learner: a secret is found and served, nonsense is refused, a kill changes no bit."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from portrait.archive.archive import SCHEMA
from portrait.dataset.examination import PLACES
from portrait.dataset.stock import place_searches, place_texts
from portrait.evaluation.judge import judge
from portrait.evaluation.lists_told import lists_check
from portrait.evaluation.verdict import EXPLORED, LEAST_LISTS, Verdict
from portrait.events.columns import ACTION_CODE, EVENT
from portrait.events.erasure import Erasures
from portrait.events.event import Action
from portrait.events.impression import Choice, Slot
from portrait.events.topics import IMPRESSIONS
from portrait.inference.again import due
from portrait.lifecycle.artifact import fetch, manifest_digest, read_learned
from portrait.lifecycle.learner import Trained
from portrait.model.learned import Learned
from portrait.model.model import Model
from portrait.model.space import fit_space
from portrait.ref import item_ref, text_ref, user_ref
from portrait.times import DAY_MS, to_moment, to_ms
from portrait.training.learner import MATERIAL, ArchiveLearner, Plan, manifest_at
from portrait.training.loop.train import Course
from portrait.training.material import Material, Shares, load
from portrait.training.ranker.behaviour_encoder import EncoderShape
from portrait.training.ranker.fit_ranker import RankerCourse, fit_neighbours
from portrait.training.tasks.again import READERS
from portrait.training.text.retext import Retext
from portrait.training.text.text_finetune import FineTuning
from sandbox.shuffled import ShuffledLearner
from tests.support.archives import click, fill, memory_archive
from tests.support.fakes import HashEncoder
from tests.support.lists import answer
from tests.support.records import FakeRecord
from tests.support.training_shop import (
    CATALOGUE,
    ITEMS,
    OPENED,
    SEASON,
    ListStock,
    habits,
    keep,
    season,
    with_searches,
)

COURSE = Course(epochs=6, patience=3, learning_rate=1e-2, mixed_precision=False, checkpoint_every=7)
PLAN = Plan(
    folder=Path(),
    models_url="",
    course=RankerCourse(EncoderShape(dim=32, heads=2), COURSE, examples=128),
    again=replace(COURSE, epochs=4),
    shares=Shares(least_events=100, held_out=0.3),
    git_commit="abc123",
)
PRETRAINED = Model(
    "v0",
    fit_space(HashEncoder.name, HashEncoder().encode([item.text for item in CATALOGUE]), 16),
)


class KilledError(Exception):
    """What a kill looks like from inside."""


@dataclass
class Noted:
    """A `Progress` that writes down what it is told, and may be killed at a stage or a step."""

    dies_at: str | int = ""
    stages: list[str] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    shares: dict[str, list[float]] = field(default_factory=dict)

    def stage(self, name: str) -> None:
        """Note a stage."""
        self.stages.append(name)
        if name == self.dies_at:
            raise KilledError

    def record(self, step: int, figures: Mapping[str, float]) -> None:  # noqa: ARG002 - a port
        """Note a step."""
        self.steps.append(step)
        if step == self.dies_at:
            raise KilledError

    def reach(self, share: float) -> None:
        """Note a share, with the stage that it is of."""
        self.shares.setdefault(self.stages[-1], []).append(share)


class Shop:
    """A learner, and all it stands on."""

    def __init__(self, folder: Path, kind: type[ArchiveLearner] = ArchiveLearner) -> None:
        self._kind = kind
        self.archive = memory_archive()
        self.stock = ListStock()
        self.encoder = HashEncoder()
        self.noted = Noted()
        self.plan = replace(
            PLAN,
            folder=folder / "work",
            models_url=str(folder / "models"),
        )
        keep(self.archive, season(0))

    @property
    def learner(self) -> ArchiveLearner:
        """Return one that remembers nothing: as another process would."""
        return self._kind(self.archive, self.stock, self.encoder, self.plan)

    def learn(self, version: str, champion: Model | None) -> Trained:
        return self.learner.learn(version, champion, self.noted)

    def tried(self, trained: Trained, champion: Model | None) -> Verdict:
        trial = self.learner.examine(trained, champion, self.noted)
        return judge(trial.champion, trial.challenger, baseline=trial.baseline)


@pytest.fixture(scope="module")
def seasoned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, Trained, Trained]:
    """Return a shop that was learned twice: after its first season, and after its second."""
    shop = Shop(tmp_path_factory.mktemp("shop"))
    first = shop.learn("v1", PRETRAINED)
    keep(shop.archive, season(1))
    return shop, first, shop.learn("v2", first.model)


def arrays_of(trained: Trained) -> dict[str, bytes]:
    assert trained.model.learned is not None
    return {name: each.tobytes() for name, each in trained.model.learned.to_arrays().items()}


def test_the_secret_is_found_and_promoted(seasoned: tuple[Shop, Trained, Trained]) -> None:
    shop, first, second = seasoned

    verdict = shop.tried(second, first.model)

    assert verdict.promote, verdict.table()
    figures = {check.name: check for check in verdict.checks}
    newest = figures["newest NDCG@10"]
    assert newest.challenger is not None
    assert newest.champion is not None
    assert newest.baseline is not None
    assert newest.challenger > 1.5 * newest.champion > 1.5 * newest.baseline
    older = [name for name in figures if name.startswith("20")]
    assert len(older) == 2  # forgetting is measured, on both halves of the first season
    assert {"coverage", "tail share", "typo cosine", "typo hit kept", "encode ms"} <= set(figures)


def test_shuffled_labels_are_refused(seasoned: tuple[Shop, Trained, Trained]) -> None:
    shop, first, _ = seasoned
    bad = Shop(shop.plan.folder.parent / "bad", ShuffledLearner)
    bad.archive = shop.archive
    bad.plan = replace(bad.plan, models_url=shop.plan.models_url)

    verdict = bad.tried(bad.learn("v9", first.model), first.model)

    assert not verdict.promote
    assert "NDCG@10 fell" in verdict.reason


def test_what_was_drawn_since_stands_beside_the_exams(
    seasoned: tuple[Shop, Trained, Trained],
) -> None:
    shop, first, second = seasoned
    material = load(shop.plan.folder / "v2" / MATERIAL)
    lists = memory_archive()
    fill(lists, drawn_before_what_was_taken(material))
    learner = ArchiveLearner(lists, shop.stock, shop.encoder, shop.plan)

    trial = learner.examine(second, first.model, Noted())

    verdict = judge(trial.champion, trial.challenger, baseline=trial.baseline)
    (check,) = [check for check in verdict.checks if check.name == EXPLORED]
    assert check.judged, check.reason
    assert check.champion is not None
    assert check.challenger is not None
    assert check.challenger > check.champion  # it knows what was taken next, and that is touched
    assert check.interval is not None
    assert check.interval[0] > 0


def drawn_before_what_was_taken(material: Material) -> list[FakeRecord]:
    """Return lists of users who touch what they took next, if it is drawn for them."""
    random, events = np.random.default_rng(5), material.events
    user_of = {user_ref(f"user-{n}"): f"user-{n}" for n in range(1_000)}
    item_of = {item_ref(item.id): item.id for item in CATALOGUE}
    items = [item_of[ref] for ref in events.items.tolist()]
    until = material.until - DAY_MS
    records: list[FakeRecord] = []
    for place in np.flatnonzero((events.at > material.test_from) & (events.at < until)).tolist():
        at, user = int(events.at[place]) - 1, user_of[int(material.user_refs[events.user[place]])]
        for _ in range(LEAST_LISTS // 40):
            among = {"own": str(random.choice(items)), "new": items[events.item[place]]}
            arm = str(random.choice([*among]))
            choices = [Choice(item_id=among[a], arm=a, propensity=0.5) for a in among]
            slot = Slot(
                item_id=among[arm], source=arm, arm=arm, propensity=0.5, choices=tuple(choices)
            )
            number = len(records)
            said = answer(f"r{number}", user, occurred_at=to_moment(at), items=(slot,))
            value = said.model_dump_json().encode()
            records.append(FakeRecord(IMPRESSIONS, value, number, timestamp=at))
            if arm == "new":
                touch = click(
                    len(records),
                    user,
                    received=at,
                    occurred_at=to_moment(at).isoformat(),
                    recommendation_id=f"r{number}",
                    item_id=among[arm],
                )
                records.append(touch)
    return records


def test_the_first_model_begins_without_a_champion(tmp_path: Path) -> None:
    shop = Shop(tmp_path)

    trained = shop.learn("v1", None)

    assert trained.manifest.parent is None
    assert trained.model.space.dim == 256  # a space of its own
    assert shop.tried(trained, None).promote
    assert shop.noted.stages == [*shop.learner.outline]  # each announced, and told in this order
    for stage in ("reading texts", "training", "training on the newest events, too"):
        shares = shop.noted.shares[stage]
        assert shares == sorted(shares)
        assert 0 <= shares[0] <= shares[-1] <= 1
    assert len(set(shop.noted.shares["training heads"])) == 4  # heads


def test_what_was_searched_for_is_read_learned_from_and_examined(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.archive = memory_archive()
    keep(shop.archive, with_searches(season(0)))

    trained = shop.learn("v1", PRETRAINED)

    material = load(shop.plan.folder / "v1" / MATERIAL)
    assert len(material.queries) > ITEMS / 2
    with np.load(shop.plan.folder / "v1" / f"texts-{PRETRAINED.space.id}.npz") as placed:
        np.testing.assert_array_equal(
            placed["texts"][-len(material.queries) :],
            place_searches(material.queries, PRETRAINED.space, shop.stock, shop.encoder),
        )
        assert placed["texts"].any(axis=1).all()
    assert trained.model.learned is not None
    assert trained.model.learned.behaviour.action_vectors[ACTION_CODE[Action.SEARCH]].any()
    assert shop.tried(trained, PRETRAINED).promote


def test_the_manifest_says_where_the_model_comes_from(
    seasoned: tuple[Shop, Trained, Trained],
) -> None:
    shop, first, second = seasoned
    manifest = second.manifest

    assert (manifest.version, manifest.parent) == ("v2", "v1")
    assert manifest.trained_on is not None
    assert first.manifest.trained_on is not None
    assert manifest.trained_on.until > first.manifest.trained_on.until
    assert manifest.offsets == {"events.click/0": 100_000 + len(season(1))}
    assert manifest.rows["new"] > 0 < manifest.rows["replay"]
    assert manifest.rows["archived"] == len(season(0)) + len(season(1))
    assert (manifest.git_commit, manifest.seeds) == ("abc123", (0,))
    assert manifest.thresholds == shop.plan.thresholds.as_figures()
    assert {"newest", "older", "bias", "robustness", "burst", "references"} <= set(manifest.metrics)
    assert manifest_at(shop.plan.models_url, "v2") == manifest
    assert manifest_at(shop.plan.models_url, "v3") is None


def test_what_is_bought_again_is_learned_published_and_served(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.archive = memory_archive()
    keep(shop.archive, habits())
    brief = replace(PLAN.course, course=replace(COURSE, epochs=1))
    shop.plan = replace(shop.plan, with_heads=False, course=brief)

    trained = shop.learn("v1", PRETRAINED)

    assert trained.model.learned is not None
    told = trained.manifest.metrics["repeats"]
    assert isinstance(told, dict)
    assert told["served"] is True, told
    ring = np.zeros(3, EVENT)
    ring["ref"], ring["action"] = item_ref("item-0"), ACTION_CODE[Action.PURCHASE]
    ring["at"] = OPENED + DAY_MS * np.array([15, 8, 1])
    just_now, in_time = (
        due(ring, int(ring["at"][0]) + after * DAY_MS, trained.model.learned) for after in (1, 7)
    )
    assert just_now.by_repeats
    assert just_now.scores[0] < in_time.scores[0]
    orders, neighbours = trained.model.learned.orders, trained.model.learned.neighbours
    assert orders is not None
    assert trained.manifest.metrics["orders"] == {"pairs": len(orders.others)}
    np.testing.assert_array_equal(orders.refs, neighbours.refs)
    read = Learned.from_arrays(read_learned(shop.plan.folder / "v1" / "v1"))
    assert read.orders is not None


def test_a_shop_where_nothing_is_bought_says_so_and_has_no_repeat_part(
    seasoned: tuple[Shop, Trained, Trained],
) -> None:
    _, first, _ = seasoned

    assert first.model.learned is not None
    assert first.model.learned.repeats is None
    assert first.manifest.metrics["repeats"] == {
        "served": False,
        "reason": "too little is bought again",
    }
    assert first.model.learned.orders is None
    assert first.manifest.metrics["orders"] == {"pairs": 0}


def test_what_came_of_lists_is_told_and_learned_from_by_its_place(tmp_path: Path) -> None:
    shop, other = Shop(tmp_path / "lists"), Shop(tmp_path / "none")
    brief = replace(PLAN.course, course=replace(COURSE, epochs=1))
    for each in (shop, other):
        each.plan = replace(each.plan, with_heads=False, course=brief)
    shop.archive, records = memory_archive(), lists_of(season(0))
    keep(shop.archive, named_by(season(0)))
    fill(shop.archive, records)

    ours, theirs = shop.learn("v1", PRETRAINED), other.learn("v1", PRETRAINED)

    told = ours.manifest.metrics["lists"]
    assert isinstance(told, dict)
    assert told["labels"] == told["of"]
    curve = np.array(told["examined"])
    np.testing.assert_allclose(curve[:4] * np.arange(1, 5), 1, rtol=0.3)
    served = "behaviour.projection"  # of the training on the newest events, too
    assert arrays_of(ours)[served] != arrays_of(theirs)[served]
    line = lists_check(told)
    assert line is not None
    assert line.reason.startswith(f"{told['of']:,} of {told['of']:,} events learned from came of")
    none = theirs.manifest.metrics["lists"]
    assert isinstance(none, dict)
    assert (none["labels"], none["examined"]) == (0, [1.0] * PLACES)
    assert lists_check(none) is None


def test_of_too_few_touches_a_verdict_says_that_they_count_alike() -> None:
    line = lists_check({"labels": 3, "of": 1_200, "examined": [1.0] * 20})

    assert line is not None
    assert line.reason == (
        "3 of 1,200 events learned from came of lists. Too few touches of lists are known to "
        "tell places apart, so all count alike."
    )


def named_by(events: pa.Table) -> pa.Table:
    """Return the same, but that each event says of which list it came."""
    place = SCHEMA.get_field_index("recommendation_id")
    named = pa.array([f"r{number}" for number in range(len(events))])
    return events.set_column(place, SCHEMA.field(place), named)


def lists_of(events: pa.Table) -> list[FakeRecord]:
    """Return the list that each event came of: the farther down, the seldomer it was there."""
    random = np.random.default_rng(0)
    chances = 1 / np.arange(1, 11)
    records = []
    for number, row in enumerate(events.select(["user", "item", "occurred_at"]).to_pylist()):
        others = random.permutation(ITEMS)[:9]
        names = [name for each in others if (name := f"item-{each}") != row["item"]]
        names.insert(random.choice(10, p=chances / chances.sum()), row["item"])
        slots = tuple(Slot(item_id=name, source="profile") for name in names)
        said = answer(f"r{number}", row["user"], occurred_at=row["occurred_at"], items=slots)
        value, at = said.model_dump_json().encode(), to_ms(row["occurred_at"])
        records.append(FakeRecord(IMPRESSIONS, value, number, timestamp=at))
    return records


def test_the_outline_leaves_out_what_the_plan_does_not_do(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    assert "fine-tuning the text encoder" not in shop.learner.outline
    assert "training heads" in shop.learner.outline

    shop.plan = replace(shop.plan, with_heads=False, text=Retext(tmp_path, FineTuning()))

    assert shop.learner.outline[:2] == ("reading the archive", "fine-tuning the text encoder")
    assert "training heads" not in shop.learner.outline


def test_what_is_published_is_what_was_learned(
    seasoned: tuple[Shop, Trained, Trained], tmp_path: Path
) -> None:
    _, _, second = seasoned
    assert second.artifact is not None

    folder = fetch(second.artifact, tmp_path, second.digest)

    assert manifest_digest(folder) == second.digest
    learned = Learned.from_arrays(read_learned(folder))
    assert second.model.learned is not None
    assert learned.digest == second.model.learned.digest


def test_training_goes_on_from_the_champion(seasoned: tuple[Shop, Trained, Trained]) -> None:
    _, first, second = seasoned
    assert first.model.learned is not None
    assert second.model.learned is not None
    before, after = first.model.learned.behaviour, second.model.learned.behaviour

    angle = (before.projection * after.projection).sum() / (
        np.linalg.norm(before.projection) * np.linalg.norm(after.projection)
    )
    assert 0.8 < angle < 1
    assert second.model.space.id == first.model.space.id
    assert second.model.space_id != first.model.space_id


def test_what_serves_has_learned_from_the_newest_before_the_exam(
    seasoned: tuple[Shop, Trained, Trained],
) -> None:
    shop, _, second = seasoned
    material = load(shop.plan.folder / "v2" / MATERIAL)
    learned, space = second.model.learned, second.model.space
    assert learned is not None
    texts = place_texts(material.texts, space, shop.stock, shop.encoder)

    counted, choosing = (
        fit_neighbours(events, texts) for events in (material.counted_again, material.counted)
    )

    np.testing.assert_array_equal(learned.neighbours.others, counted.others)
    np.testing.assert_array_equal(learned.neighbours.strengths, counted.strengths)
    assert choosing.strengths.shape != counted.strengths.shape or not np.array_equal(
        choosing.strengths, counted.strengths
    )


KILLS: list[str | int] = ["reading texts", 10, 25, "training heads", "publishing"]


def test_a_training_that_is_killed_again_and_again_ends_with_the_same_bits(
    seasoned: tuple[Shop, Trained, Trained], tmp_path: Path
) -> None:
    shop, first, whole = seasoned
    killed = Shop(tmp_path)
    keep(killed.archive, season(1))
    killed.plan = replace(killed.plan, models_url=shop.plan.models_url)

    runs = [Noted(dies_at=kill) for kill in KILLS]
    for run in runs:
        with pytest.raises(KilledError):
            killed.learner.learn("killed", first.model, run)
        keep(killed.archive, season(2))  # what comes meanwhile changes nothing
    again = Noted()
    resumed = killed.learner.learn("killed", first.model, again)

    assert arrays_of(resumed) == arrays_of(whole)
    assert resumed.manifest.rows == whole.manifest.rows
    after = dict(zip(KILLS, [*runs[1:], again], strict=True))
    assert all(min(after[kill].steps) > 1 for kill in (10, 25))  # it did not begin anew


def test_whoever_is_erased_while_it_is_killed_is_not_learned_from(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    with pytest.raises(KilledError):
        shop.learner.learn("v1", PRETRAINED, Noted(dies_at=10))
    gone = {user_ref(f"user-{n}"): OPENED + 2 * SEASON for n in range(100)}
    shop.archive.erase(Erasures.of(gone))

    trained = shop.learn("v1", PRETRAINED)

    assert trained.manifest.erased_users == 100
    window = trained.manifest.erased_within
    assert window is not None
    assert window.since < window.until
    with np.load(shop.plan.folder / "v1" / "material.npz") as material:
        assert not np.isin(material["user_refs"], [*gone]).any()
    assert trained.manifest.rows["archived"] < 0.8 * len(season(0))


def test_texts_are_read_once_and_only_where_no_vector_is_known(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    vectors = PRETRAINED.space.place(HashEncoder().encode([item.text for item in CATALOGUE]))
    shop.stock.known = {
        text_ref(item.text): vector for item, vector in zip(CATALOGUE[1:], vectors[1:], strict=True)
    }

    with pytest.raises(KilledError):  # before texts are misread
        shop.learner.learn("v1", PRETRAINED, Noted(dies_at="training"))

    assert shop.encoder.texts_read == 1


def test_an_encoder_of_another_name_gets_a_space_of_its_own(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.encoder.name = "another"

    trained = shop.learn("v1", PRETRAINED)

    assert trained.model.space.encoder == "another"
    assert trained.model.space.id != PRETRAINED.space.id
    newest, *_ = shop.tried(trained, PRETRAINED).checks
    assert newest.challenger == pytest.approx(1, abs=0.05)
    assert newest.champion == 0  # nobody here can read its space


def test_folders_of_other_trainings_are_removed(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    (shop.plan.folder / "older").mkdir(parents=True)
    (shop.plan.folder / READERS).mkdir()

    shop.learn("v1", PRETRAINED)

    assert {path.name for path in shop.plan.folder.iterdir()} == {"v1", READERS}
    assert shop.learner.tidy(None) == 1
    assert [path.name for path in shop.plan.folder.iterdir()] == [READERS]  # to be taken again


@pytest.fixture
def left(tmp_path: Path) -> tuple[Shop, Path]:
    """Return a shop, and what a training that was killed left there."""
    shop = Shop(tmp_path)
    assert shop.learner.tidy("v1") == 0  # there is no folder yet
    with pytest.raises(KilledError):
        shop.learner.learn("v1", PRETRAINED, Noted(dies_at="training"))
    return shop, shop.plan.folder / "v1"


def test_what_an_open_training_left_stays_for_a_week(left: tuple[Shop, Path]) -> None:
    shop, folder = left
    assert (shop.learner.tidy("v1"), folder.exists()) == (0, True)

    os.utime(folder / MATERIAL, (0, 0))

    assert (shop.learner.tidy("v1"), folder.exists()) == (1, False)


def test_what_an_ended_training_left_goes(left: tuple[Shop, Path]) -> None:
    shop, folder = left

    assert (shop.learner.tidy(None), folder.exists()) == (1, False)


def test_what_a_training_left_goes_when_somebody_in_it_is_erased(left: tuple[Shop, Path]) -> None:
    shop, folder = left
    user = int(load(folder / MATERIAL).user_refs[0])

    shop.archive.erase(Erasures.of({user: 2**50}))

    assert (shop.learner.tidy("v1"), folder.exists()) == (1, False)
