"""The judge: a copy passes, a worse model does not, and better figures never hurt."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portrait.arrays import Doubles
from portrait.evaluation.judge import judge
from portrait.evaluation.ranking import gains, hits, paired_bootstrap
from portrait.evaluation.situations import COMPLAINT, KNOWN, NEW, SEARCH, SITUATIONS
from portrait.evaluation.trial import DEFAULTS, Explored, Figures, HeadFigures, Ranks
from portrait.evaluation.verdict import (
    EXPLORED,
    LEAST_CASES,
    LEAST_LISTS,
    LEAST_PEOPLE,
    Check,
    Verdict,
)

USERS = 400
ITEMS = 2_000
FEWER = settings(max_examples=25)  # each is judged with two bootstraps
share = st.floats(0, 1)
situation = st.lists(share, max_size=3 * LEAST_CASES).map(np.array)


def ranked(places: Doubles) -> Ranks:
    return Ranks(gains(places, 10), hits(places, 10))


def skilled(seed: int = 1, users: int = USERS, spread: float = 8.0) -> Ranks:
    """Rank as a model does that knows something: most targets stand near the top."""
    random = np.random.default_rng(seed)
    return ranked(1 + np.floor(random.exponential(spread, users)))


def shuffled(seed: int = 2, users: int = USERS) -> Ranks:
    """Rank as a model does whose labels were shuffled: the target stands anywhere."""
    return ranked(np.random.default_rng(seed).integers(1, ITEMS, users).astype(np.float64))


def moved(ranks: Ranks, factor: float) -> Ranks:
    return Ranks(ranks.ndcg * factor, ranks.hit * factor)


def mostly(share: float, users: int, seed: int = 0) -> Doubles:
    """Return what happened to each of some people, good for a share of them."""
    return (np.random.default_rng(seed).random(users) < share).astype(np.float64)


CHAMPION = Figures(
    version="v1",
    newest=skilled(),
    older={"2026-09": skilled(3), "2026-10": skilled(4)},
    cold=skilled(5, users=60, spread=40),
    situations={name: mostly(0.5, users=200, seed=6) for name in SITUATIONS},
    heads={"churn_risk": HeadFigures(0.42, 0.018), "purchase_intent": HeadFigures(0.31, 0.03)},
    tail_share=0.25,
    coverage=0.6,
    typo_cosine=0.93,
    typo_hit_kept=0.95,
    encode_ms=3.0,
)


def challenger(**changes: object) -> Figures:
    return replace(CHAMPION, version="v2", **changes)  # type: ignore[arg-type] # as the tests say


def failed(verdict: Verdict) -> set[str]:
    return {check.name for check in verdict.checks if not check.passed}


def test_a_copy_of_the_champion_is_promoted() -> None:
    verdict = judge(CHAMPION, challenger())

    assert verdict.promote
    assert (verdict.champion, verdict.challenger) == ("v1", "v2")


@st.composite
def figures(draw: st.DrawFn) -> Figures:
    places = st.lists(st.integers(1, 40), min_size=1, max_size=12)
    heads = st.dictionaries(st.sampled_from("ab"), st.builds(HeadFigures, share, share))
    older = st.dictionaries(st.sampled_from(("2025", "2026")), places)
    return Figures(
        version="any",
        newest=_ranks(draw(places)),
        older={name: _ranks(some) for name, some in draw(older).items()},
        cold=draw(st.none() | places.map(_ranks)),
        situations=draw(st.dictionaries(st.sampled_from(SITUATIONS), situation)),
        heads=draw(heads),
        tail_share=draw(st.none() | share),
        coverage=draw(st.none() | share),
        typo_cosine=draw(st.none() | share),
        typo_hit_kept=draw(st.none() | share),
        encode_ms=draw(st.none() | st.floats(0.01, 100)),
    )


def _ranks(places: list[int]) -> Ranks:
    return ranked(np.array(places, np.float64))


@FEWER
@given(figures())
def test_no_model_is_refused_for_being_worse_than_itself(any_model: Figures) -> None:
    assert judge(any_model, any_model).promote


@FEWER
@given(figures(), st.floats(0, 1))
def test_better_figures_never_turn_a_promotion_into_a_refusal(model: Figures, by: float) -> None:
    assert judge(model, improved(model, by)).promote


@FEWER
@given(figures(), st.floats(0, 0.5), st.floats(0, 0.5))
def test_each_check_is_monotone(model: Figures, less: float, more: float) -> None:
    worse = judge(model, worsened(model, max(less, more)))
    bad = judge(model, worsened(model, min(less, more)))

    assert failed(bad) <= failed(worse)


def improved(model: Figures, by: float) -> Figures:
    """Make every figure better, or keep it if it is the best there is."""

    def up(value: float | None) -> float | None:
        return None if value is None else value + by * (1 - value)

    return replace(
        model,
        newest=_up(model.newest, by),
        older={name: _up(ranks, by) for name, ranks in model.older.items()},
        cold=None if model.cold is None else _up(model.cold, by),
        situations={name: each + by * (1 - each) for name, each in model.situations.items()},
        heads={
            name: HeadFigures(ap + by * (1 - ap), ece * (1 - by))
            for name, (ap, ece, _) in model.heads.items()
        },
        tail_share=up(model.tail_share),
        coverage=up(model.coverage),
        typo_cosine=up(model.typo_cosine),
        typo_hit_kept=up(model.typo_hit_kept),
        encode_ms=None if model.encode_ms is None else model.encode_ms * (1 - by),
    )


def worsened(model: Figures, by: float) -> Figures:
    """Make every figure worse by a share of itself."""

    def down(value: float | None) -> float | None:
        return None if value is None else value * (1 - by)

    return replace(
        model,
        newest=moved(model.newest, 1 - by),
        older={name: moved(ranks, 1 - by) for name, ranks in model.older.items()},
        cold=None if model.cold is None else moved(model.cold, 1 - by),
        situations={name: each * (1 - by) for name, each in model.situations.items()},
        heads={
            name: HeadFigures(ap * (1 - by), ece + by * (1 - ece))
            for name, (ap, ece, _) in model.heads.items()
        },
        tail_share=down(model.tail_share),
        coverage=down(model.coverage),
        typo_cosine=down(model.typo_cosine),
        typo_hit_kept=down(model.typo_hit_kept),
        encode_ms=None if model.encode_ms is None else model.encode_ms * (1 + by),
    )


def _up(ranks: Ranks, by: float) -> Ranks:
    return Ranks(ranks.ndcg + by * (1 - ranks.ndcg), ranks.hit + by * (1 - ranks.hit))


def test_a_model_of_shuffled_labels_is_refused_and_the_reason_says_where() -> None:
    bad = challenger(newest=shuffled(), older={name: shuffled() for name in CHAMPION.older})

    verdict = judge(CHAMPION, bad)

    assert not verdict.promote
    assert failed(verdict) == {"newest NDCG@10", "2026-09 NDCG@10", "2026-10 NDCG@10"}
    assert verdict.reason.startswith(
        "What people took next stands lower in the lists: NDCG@10 fell from 0.3821 to 0.0026 "
        "(-99.3%, chance of no gain 100.0%, 400 people). At least 0.3783 is asked. "
    )


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"newest": moved(CHAMPION.newest, 0.991)}, set()),
        ({"newest": moved(CHAMPION.newest, 0.989)}, {"newest NDCG@10"}),
        ({"older": {name: moved(r, 0.981) for name, r in CHAMPION.older.items()}}, set()),
        (
            {"older": {**CHAMPION.older, "2026-09": moved(CHAMPION.older["2026-09"], 0.979)}},
            {"2026-09 NDCG@10"},
        ),
        ({"older": {"2026-09": CHAMPION.older["2026-09"]}}, {"2026-10 NDCG@10"}),
        ({"cold": shuffled(users=60)}, {"cold HR@10"}),
        ({"cold": None}, {"cold HR@10"}),
        ({"cold": moved(skilled(5, users=60), float("nan"))}, {"cold HR@10"}),
        ({"tail_share": 0.201}, set()),
        ({"tail_share": 0.199}, {"tail share"}),
        ({"coverage": 0.47}, {"coverage"}),
        ({"typo_cosine": 0.901}, set()),
        ({"typo_cosine": 0.899}, {"typo cosine"}),
        ({"typo_hit_kept": 0.89}, {"typo hit kept"}),
        ({"encode_ms": 3.74}, set()),
        ({"encode_ms": 3.76}, {"encode ms"}),
        ({"encode_ms": None}, {"encode ms"}),
        ({"encode_ms": float("nan")}, {"encode ms"}),
        ({"coverage": float("nan")}, {"coverage"}),
    ],
)
def test_each_threshold_refuses_by_itself(changes: Mapping[str, object], refused: set[str]) -> None:
    verdict = judge(CHAMPION, challenger(**changes))

    assert failed(verdict) == refused
    assert verdict.promote is not bool(refused)


@pytest.mark.parametrize(
    ("head", "refused"),
    [
        (HeadFigures(0.416, 0.018), set()),
        (HeadFigures(0.415, 0.018), {"churn_risk AP"}),
        (HeadFigures(0.42, 0.0229), set()),  # the champion's .018 + .005
        (HeadFigures(0.42, 0.0231), {"churn_risk ECE"}),
        (HeadFigures(0.42, 0.05, 0.051), set()),  # of so few questions chance explains it
        (HeadFigures(0.42, 0.05, 0.049), {"churn_risk ECE"}),
        (HeadFigures(float("nan"), 0.01), {"churn_risk AP"}),
    ],
)
def test_a_head_may_lose_little_and_must_stay_calibrated(
    head: HeadFigures, refused: set[str]
) -> None:
    heads = {**CHAMPION.heads, "churn_risk": head}

    assert failed(judge(CHAMPION, challenger(heads=heads))) == refused


def test_a_new_head_needs_calibration_and_a_lost_one_is_a_refusal() -> None:
    added = judge(
        CHAMPION,
        challenger(heads={**CHAMPION.heads, "a": HeadFigures(0.1, 0.01), "b": HeadFigures(1, 0.1)}),
    )
    lost = judge(CHAMPION, challenger(heads={"churn_risk": CHAMPION.heads["churn_risk"]}))

    assert failed(added) == {"b ECE"}
    assert failed(lost) == {"purchase_intent AP", "purchase_intent ECE"}


def test_a_gain_beyond_chance_says_so() -> None:
    random = np.random.default_rng(7)
    better = Ranks(CHAMPION.newest.ndcg + random.uniform(0, 0.1, USERS), CHAMPION.newest.hit)

    verdict = judge(CHAMPION, challenger(newest=better))

    assert verdict.promote
    assert verdict.reason.startswith("What people took next stands higher in the lists: NDCG@10 ")
    assert "%, chance of no gain 0.0%, 400 people)" in verdict.reason


def test_who_asks_for_a_gain_gets_no_promotion_without_one() -> None:
    asked = replace(DEFAULTS, newest_change=float("inf"))
    random = np.random.default_rng(7)
    better = Ranks(CHAMPION.newest.ndcg + random.uniform(0, 0.1, USERS), CHAMPION.newest.hit)
    lucky = Ranks(CHAMPION.newest.ndcg.copy(), CHAMPION.newest.hit)
    lucky.ndcg[0] += 0.1  # one user of 400

    assert not judge(CHAMPION, challenger(), asked).promote
    assert not judge(CHAMPION, challenger(newest=lucky), asked).promote
    assert judge(CHAMPION, challenger(newest=better), asked).promote


@pytest.mark.parametrize(("doubt", "promoted"), [(0.05, True), (0.1, True), (0.5, False)])
def test_a_fall_that_chance_explains_counts_only_without_doubt(
    doubt: float, *, promoted: bool
) -> None:
    asked = replace(DEFAULTS, doubt=doubt)
    few, others = skilled(11, users=50), skilled(12, users=50)  # equal but for chance: -7 %

    verdict = judge(
        replace(CHAMPION, older={"2026-10": few}), challenger(older={"2026-10": others}), asked
    )

    assert verdict.promote is promoted


def test_a_fall_beyond_chance_counts_with_any_doubt() -> None:
    asked = replace(DEFAULTS, doubt=0.001)

    assert not judge(CHAMPION, challenger(newest=moved(CHAMPION.newest, 0.9)), asked).promote


def test_what_people_take_themselves_is_no_bias() -> None:
    as_people_do = judge(CHAMPION, challenger(tail_share=0.11, tail_taken=0.1))
    more_than_people_do = judge(CHAMPION, challenger(tail_share=0.09, tail_taken=0.1))

    assert as_people_do.promote
    assert failed(more_than_people_do) == {"tail share"}


def test_a_tail_that_fell_by_chance_is_no_bias() -> None:
    draw = np.random.default_rng(0)
    many = draw.random(4_000) * 0.5
    few, other = many[:100], draw.random(100) * 0.42
    assert other.mean() < 0.8 * few.mean()

    def after(before: Doubles, tail: Doubles) -> Verdict:
        champion = replace(CHAMPION, tail_share=float(before.mean()), tail=before)
        return judge(champion, challenger(tail_share=float(tail.mean()), tail=tail))

    assert after(few, other).promote
    assert failed(after(many, many * 0.78)) == {"tail share"}


def test_a_fifth_of_nothing_is_nothing() -> None:
    little = replace(CHAMPION, tail_share=0.04)

    assert judge(little, challenger(tail_share=0.027)).promote
    assert not judge(little, challenger(tail_share=0.019)).promote


def test_a_few_cold_users_more_or_less_are_chance() -> None:
    assert CHAMPION.cold is not None
    hit = CHAMPION.cold.hit.copy()
    hit[np.flatnonzero(hit)[0]] = 0

    assert judge(CHAMPION, challenger(cold=Ranks(CHAMPION.cold.ndcg, hit))).promote


NAMES = {
    SEARCH: "search HR@10",
    KNOWN: "known visitor HR@10",
    NEW: "new visitor HR@10",
    COMPLAINT: "complaint heeded",
}


def in_situation(name: str, people: Doubles) -> dict[str, object]:
    return {"situations": {**CHAMPION.situations, name: people}}


@pytest.mark.parametrize("name", SITUATIONS)
@pytest.mark.parametrize(
    ("share", "refused"), [(0.96, False), (0.94, True), (0.0, True), (float("nan"), True)]
)
def test_each_situation_refuses_by_itself(name: str, share: float, *, refused: bool) -> None:
    worse = challenger(**in_situation(name, CHAMPION.situations[name] * share))

    verdict = judge(CHAMPION, worse)

    assert failed(verdict) == ({NAMES[name]} if refused else set())


def test_a_situation_that_was_not_measured_of_the_challenger_is_a_refusal() -> None:
    lacking = {name: CHAMPION.situations[name] for name in SITUATIONS if name != SEARCH}

    assert failed(judge(CHAMPION, challenger(situations=lacking))) == {"search HR@10"}


def test_an_exam_reads_as_a_sentence_with_its_cases() -> None:
    people = CHAMPION.situations[SEARCH]
    better = np.where(np.arange(200) < 20, 1, people)

    checks = {check.name: check for check in judge(CHAMPION, challenger(
        **in_situation(SEARCH, better))).checks}  # fmt: skip

    check = checks["search HR@10"]
    assert (check.cases, check.judged) == (200, True)
    assert check.interval is not None
    assert 0 < check.interval[0] < better.mean() - people.mean() < check.interval[1]
    assert check.reason == (
        "After a search, what was taken next is among the first ten in "
        f"{100 * better.mean():.0f} of 100 cases; {100 * people.mean():.0f} with the model that "
        "serves (200 people)."
    )


def test_too_few_cases_are_said_and_not_judged() -> None:
    few = mostly(0.6, users=LEAST_CASES - 1)
    champion = replace(CHAMPION, situations={**CHAMPION.situations, SEARCH: few})

    verdict = judge(champion, challenger(**in_situation(SEARCH, few * 0.5)))

    assert verdict.promote
    assert verdict.reason.endswith(" Not judged, too few cases: searches (49 of 50 cases).")
    (check,) = [check for check in verdict.checks if not check.judged]
    assert check.reason.endswith("Not judged: 49 of 50 cases.")


def test_few_cases_are_enough_where_far_more_than_half_is_lost() -> None:
    few = mostly(0.8, users=LEAST_CASES - 1)
    champion = replace(CHAMPION, situations={**CHAMPION.situations, SEARCH: few})
    nearly_all = np.where(np.arange(len(few)) == few.argmax(), few, 0)

    verdict = judge(champion, challenger(**in_situation(SEARCH, nearly_all)))

    assert failed(verdict) == {f"{SEARCH} HR@10"}


def test_where_nobody_was_asked_it_is_said() -> None:
    nobody = replace(CHAMPION, situations={}, cold=None)

    verdict = judge(nobody, replace(nobody, version="v2"))

    assert verdict.promote
    assert verdict.reason.endswith(
        " Not judged, too few cases: items that no training had seen (0 of 50 cases), searches "
        "(0 of 50 cases), visits of people known (0 of 50 cases), visits of people unknown (0 of "
        "50 cases), returns and bad reviews (0 of 50 cases)."
    )


@pytest.mark.parametrize("cases", [12, 200])
@pytest.mark.parametrize(("hits", "refused"), [(2, False), (6, True)])
def test_a_fall_to_nothing_is_refused_or_its_reason_is_told(
    cases: int, hits: int, *, refused: bool
) -> None:
    some = (np.arange(cases) < hits).astype(np.float64)
    champion = replace(CHAMPION, cold=Ranks(some, some))

    verdict = judge(champion, challenger(cold=Ranks(some * 0, some * 0)))

    assert failed(verdict) == ({"cold HR@10"} if refused else set())
    told = "It fell to nothing." if refused else "It fell to nothing; chance may explain that."
    assert told in verdict.reason
    assert "0.0 of 100 cases" in verdict.reason


def test_a_fall_beyond_chance_that_the_limits_allow_is_told() -> None:
    lax = replace(DEFAULTS, session_change=-0.25)
    less = CHAMPION.situations[KNOWN] * (np.arange(200) % 6 > 0)

    verdict = judge(CHAMPION, challenger(**in_situation(KNOWN, less)), lax)

    assert verdict.promote
    assert "Two events into a visit of somebody known" in verdict.reason
    assert "somebody unknown" not in verdict.reason


def test_what_the_settings_allow_to_fall_to_nothing_is_promoted_with_that_reason() -> None:
    allowed = replace(DEFAULTS, search_change=-1.0)

    verdict = judge(CHAMPION, challenger(**in_situation(SEARCH, np.zeros(200))), allowed)

    assert verdict.promote
    assert "After a search, what was taken next is among the first ten in 0.0 of" in verdict.reason
    assert "It fell to nothing, which the settings allow." in verdict.reason


def test_of_five_exams_each_has_to_be_surer_than_one_alone() -> None:
    """What chance explains one time in twenty is no accident of one exam, and may be of five."""
    people = CHAMPION.situations[SEARCH]
    worse = people.copy()
    worse[np.flatnonzero(people)[:16]] = 0
    worse[np.flatnonzero(people == 0)[:4]] = 1
    alone = replace(CHAMPION, situations={SEARCH: people}, cold=None)

    assert 0.02 < paired_bootstrap(people * 0.95, worse).not_better < 0.1
    assert not judge(alone, replace(alone, situations={SEARCH: worse})).promote
    assert judge(CHAMPION, challenger(**in_situation(SEARCH, worse))).promote


def test_without_users_to_judge_by_nothing_is_promoted() -> None:
    nobody = Ranks(np.zeros(0), np.zeros(0))

    verdict = judge(replace(CHAMPION, newest=nobody), challenger(newest=nobody))

    assert failed(verdict) == {"newest NDCG@10"}


def test_models_measured_on_different_users_cannot_be_compared() -> None:
    fewer = skilled(users=USERS - 1)

    with pytest.raises(ValueError, match="399 and 400 users"):
        judge(CHAMPION, challenger(newest=fewer))
    with pytest.raises(ValueError, match="399 and 400 users"):
        judge(CHAMPION, challenger(older=dict.fromkeys(CHAMPION.older, fewer)))


def test_a_verdict_survives_json_and_shows_as_a_table() -> None:
    baseline = replace(CHAMPION, version="whitened", newest=skilled(spread=30))
    verdict = judge(CHAMPION, challenger(coverage=0.1), baseline=baseline)

    read = Verdict.model_validate_json(verdict.model_dump_json())
    table = read.table()

    assert read == verdict
    lines = table.splitlines()
    assert lines[0].split() == ["champion", "challenger", "baseline", "limit"]
    assert len({len(line) for line in lines if line.endswith("ok")}) == 1  # columns stand straight
    (coverage,) = [line for line in lines if line.startswith("coverage")]
    assert coverage.split() == ["coverage", "0.6000", "0.1000", "0.6000", ">=", "0.4800", "FAILED"]
    (encode,) = [line for line in lines if line.startswith("encode")]
    assert "<= 3.7500" in encode
    assert lines[-1] == f"REFUSED: {verdict.reason}"


def test_the_table_tells_what_was_reached_from_what_chance_explains() -> None:
    def row(check: Check) -> str:
        verdict = Verdict(
            champion="v1", challenger="v2", promote=True, reason="better", checks=(check,)
        )
        return verdict.table().splitlines()[2]

    check = Check(
        name="coverage", champion=0.5, challenger=0.5, limit=0.4, passed=True, reason="stayed"
    )
    assert row(check).endswith(">= 0.4000  ok")
    assert row(check.model_copy(update={"limit": 0.6})).endswith(">= 0.6000  ok, chance")
    assert row(check.model_copy(update={"at_most": True})).endswith("<= 0.4000  ok, chance")
    assert row(check.model_copy(update={"limit": None})).endswith("-")


def test_the_thresholds_go_into_a_manifest_by_name() -> None:
    assert DEFAULTS.as_figures()["older_change"] == -0.02


def explored(share: float, lists: int, users: int = USERS) -> Explored:
    return Explored(mostly(share, users), lists)


def test_what_was_drawn_stands_beside_the_exams_and_decides_nothing() -> None:
    before = explored(0.06, LEAST_LISTS)
    after = Explored(np.maximum(before.people - 0.04, 0), LEAST_LISTS)

    verdict = judge(replace(CHAMPION, explored=before), challenger(explored=after))

    assert verdict.promote
    (check,) = [check for check in verdict.checks if check.name == EXPLORED]
    assert (check.limit, check.cases, check.judged) == (None, LEAST_LISTS, True)
    assert check.interval is not None
    assert check.interval[0] < check.interval[1] < 0
    mean = 100 * before.people.mean()
    assert check.reason.startswith(
        "Where places were given to a draw, "
        f"{0.96 * mean:.1f} of 100 of its choices would have been touched; {mean:.1f} with"
    )
    low, high = (100 * each for each in check.interval)
    assert f"(1,000 lists), {low:+.1f} to {high:+.1f} apart 95 times in 100." in check.reason
    assert EXPLORED in verdict.table()


def test_of_few_explored_lists_it_says_how_many_there_are() -> None:
    few = explored(0.06, LEAST_LISTS - 1)

    verdict = judge(replace(CHAMPION, explored=few), challenger(explored=few))

    (check,) = [check for check in verdict.checks if check.name == EXPLORED]
    assert (check.judged, check.passed, check.challenger) == (False, True, None)
    assert check.reason == "Not enough explored lists yet: 999 of 1,000."
    assert "explored lists (999 of 1000 cases)" in verdict.reason


@pytest.mark.parametrize("people", [1, 2, LEAST_PEOPLE - 1])
def test_of_too_few_people_however_many_lists_they_had_there_is_neither_figure_nor_interval(
    people: int,
) -> None:
    before, after = (explored(share, 10 * LEAST_LISTS, people) for share in (0.9, 0.0))

    verdict = judge(replace(CHAMPION, explored=before), challenger(explored=after))

    (check,) = [check for check in verdict.checks if check.name == EXPLORED]
    assert verdict.promote
    assert (check.judged, check.people) == (False, people)
    assert (check.champion, check.challenger, check.interval) == (None, None, None)
    assert check.reason == f"Too few people had explored lists: {people} of 30."
    assert f"explored lists ({people} of 30 people)" in verdict.reason
    (row,) = [line for line in verdict.table().splitlines() if line.startswith(EXPLORED)]
    assert row.endswith("too few people")


def test_of_people_enough_there_is_an_interval() -> None:
    just = explored(0.5, LEAST_LISTS, LEAST_PEOPLE)

    verdict = judge(replace(CHAMPION, explored=just), challenger(explored=just))

    (check,) = [check for check in verdict.checks if check.name == EXPLORED]
    assert (check.judged, check.interval) == (True, (0, 0))


def test_where_nothing_is_explored_nothing_is_said_of_it() -> None:
    verdict = judge(CHAMPION, challenger())

    assert EXPLORED not in {check.name for check in verdict.checks}
