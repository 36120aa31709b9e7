"""Expressions of segments: what they mean of people, and how one is told what is wrong."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.events.consent import GRANTED, WITHDRAWN
from portrait.events.event import ANONYMOUS
from portrait.events.unwanted import FOR_GOOD, Unwanted, What, Word, encode_unwanted, thing_of
from portrait.profiles.store import Stored
from portrait.segments.expression import Expression
from portrait.segments.fields import FIELDS, FUNCTIONS
from portrait.segments.person import Foretold, Person, person_of
from portrait.segments.tree import DEEPEST, MOST_PARTS
from portrait.segments.words import LONGEST, ExpressionError
from portrait.times import DAY_MS
from tests.support.catalogues import catalogue
from tests.support.shop import HOUR_MS, NOW_MS, record_of

DAIRY = "Grocery > Dairy"
RECORD = record_of(
    "ann",
    {"type": "click", "item_id": "milk"},
    {"type": "purchase", "item_id": "cheese", "price": 4.0, "quantity": 2},
    {"type": "cart", "item_id": "milk"},
    painted=catalogue(),
)
TWO_DAYS_LATER = NOW_MS + 2 * HOUR_MS + 2 * DAY_MS


def ann(days: float = 2, unwanted: Unwanted | None = None) -> Person:
    """Return Ann, so many days after the last that she did."""
    said = None if unwanted is None else encode_unwanted(unwanted).encode()
    now = NOW_MS + 2 * HOUR_MS + round(days * DAY_MS)
    person = person_of("ann", Stored(RECORD, None, None, said), GRANTED, now)
    assert person is not None
    return person


def holds(expression: str, person: Person | None = None) -> bool:
    return Expression.of(expression).holds_for(person or ann())


@pytest.mark.parametrize(
    "expression",
    [
        "true",
        "purchases == 1 && totals.purchase == purchases && events_folded == 3",
        "spend == 8 && spend / purchases == 8.0",
        "days_since_last == 2 && days_since_first > 2",
        "activity.state == 'active' && activity.silent_days < 2.5",
        f"interest('{DAIRY}') > 0.5 && interest(\"Pets\") == 0",
        "brand('nobody') == 0 && trend('nothing') == 0",
        "bought('cheese') && !bought('milk') && touched('milk')",
        "days_since('cart') == 2 && count('cart', 3) == 1 && count('cart', 1) == 0",
        "activity.state in ['gone', 'active'] && purchases in [-1, 1]",
        "1 + 2 * 3 == 7 && (1 + 2) * 3 == 9 && -2 - 1 == -3 && 7 % 4 == 3",
        "purchases > 9 || purchases < 2 && true",
        "(purchases > 9 || true) == true",
        "price_band.typical > 1",
        "'a\\'b' == \"a'b\" && '\\u00e9' == 'é'",
    ],
)
def test_what_is_said_of_somebody_holds(expression: str) -> None:
    assert holds(expression)
    assert not holds(f"!({expression})")


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "=="])
@pytest.mark.parametrize(
    "unknown",
    [
        "days_since('review')",
        "activity.usual_gap_days",
        "churn_risk.probability",
        "1 / 0",
        "5 % 0",
    ],
)
def test_what_is_not_known_is_nothing_that_can_be_compared(unknown: str, sign: str) -> None:
    assert not holds(f"{unknown} {sign} 1")
    assert not holds(f"1 {sign} {unknown}")
    assert holds(f"{unknown} != 1")


def test_what_is_foretold_can_be_asked_as_the_profile_calls_it() -> None:
    said = Expression.of("churn_risk.probability > 0.6 && purchases == 1")
    gone = replace(ann(), foretold=Foretold(purchase_intent=0.1, churn_risk=0.7))

    assert said.forecasts == {"churn_risk.probability"}
    assert said.holds_for(gone)
    assert not said.holds_for(replace(gone, foretold=Foretold(churn_risk=0.5)))
    assert holds("purchase_intent.probability == 0.1", gone)
    assert Expression.of("purchases == 1").forecasts == frozenset()


def test_silence_grows_with_the_clock_alone() -> None:
    lately = Expression.of("days_since_last < 14")

    assert lately.holds_for(ann(13.9))
    assert not lately.holds_for(ann(14.1))
    assert holds("activity.state == 'gone'", ann(200))


def test_what_somebody_does_not_want_to_see_is_no_interest_of_theirs() -> None:
    said = {thing_of(What.CATEGORY, "grocery"): Word(1, FOR_GOOD)}

    assert not holds(f"interest('{DAIRY}') > 0", ann(unwanted=Unwanted(said, 0)))


def test_a_name_is_looked_up_as_the_shop_writes_it() -> None:
    said = Expression.of("interest('grocery/dairy') > 0.5")
    spelled = {thing.key: DAIRY for thing in said.things}

    assert not said.holds_for(ann())
    assert Expression.of(said.text, spelled).holds_for(ann())
    assert [(thing.name, thing.what, thing.at) for thing in said.things] == [
        ("grocery/dairy", What.CATEGORY, 9)
    ]


def test_conditions_that_all_have_to_hold_are_told_apart() -> None:
    said = Expression.of("purchases > 3 && (spend > 1 || true) && bought('cheese')")

    assert [clause.text for clause in said.clauses] == [
        "purchases > 3",
        "spend > 1 || true",
        "bought('cheese')",
    ]
    assert [clause.holds_for(ann()) for clause in said.clauses] == [False, True, True]


@pytest.mark.parametrize(
    ("expression", "at", "words"),
    [
        ("", 0, "the expression ends where a value"),
        ("purchases >= && true", 13, "`&&` stands where a value"),
        ("purchases > 3 true", 14, "where an operator"),
        ("purchases", 0, "true or false, and this is a number"),
        ("purchases > 'a'", 12, "a number, and this is a text"),
        ("purchases && true", 0, "`&&` stands between true or false"),
        ("'a' < 'b'", 0, "`<` stands between a number"),
        ("true + 1 > 0", 0, "`+` stands between a number"),
        ("!purchases", 1, "`!` stands before"),
        ("purchasse > 1", 0, "Perhaps `purchases` or"),
        ("churn_risk > 0.6", 0, "Perhaps `churn_risk.probability` is meant"),
        ("xyz > 1", 0, "There are: purchases"),
        ("intrest('a') > 1", 0, "Perhaps `interest` is meant"),
        ("interest > 1", 0, "is a function"),
        ("interest() > 1", 0, "is asked with a category"),
        ("interest(spend) > 1", 9, "as it is"),
        ("interest(1) > 1", 9, "a category belongs"),
        ("count('klick', 1) > 1", 6, "Perhaps `click` is meant"),
        ("count('click', '1') > 1", 15, "a number of days belongs"),
        ("purchases in 3", 13, "a list belongs"),
        ("purchases in []", 13, "a list belongs"),
        ("purchases in [1, 'a']", 17, "a number, and this is a text"),
        ("purchases in [1, spend]", 17, "as it is"),
        ("purchases == [1]", 13, "a list stands behind"),
        ("1 < purchases < 3", 14, "join two by `&&`"),
        ("purchases > 1 & true", 14, "written `&&`"),
        ("purchases > 1 and true", 14, "written `&&`"),
        ("purchases > 1 OR true", 14, "written `||`"),
        ("activity.state == 'gone", 18, "does not end"),
        ("activity.state == 'a\\q'", 20, "a backslash is written twice"),
        ("bought('a\\ud83d')", 9, "`\\ud83d` is half a character"),
        ("purchases > 1; true", 13, "`;` means nothing"),
        (f"purchases > {'9' * 400}", 12, "no number is as large"),
        (f"{'(' * 30}true{')' * 30}", DEEPEST, "lie in each other"),
        ("!" * 900 + "true", DEEPEST, "lie in each other"),
        ("1 +" * 150 + "1 > 0", 299, f"at most {MOST_PARTS} parts"),
        (" " * LONGEST + "true", LONGEST, "at most 1,000 characters"),
    ],
)
def test_a_fault_is_told_with_its_place(expression: str, at: int, words: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        Expression.of(expression)

    assert words in str(raised.value)
    assert raised.value.at == at


def test_the_deepest_and_the_longest_that_are_taken_can_be_evaluated() -> None:
    deepest = DEEPEST - 1
    assert holds("(" * deepest + "true" + ")" * deepest)
    assert holds("+".join("1" * (MOST_PARTS // 2 - 1)) + " > 0")
    assert holds("||".join(["false"] * 99 + ["true"]))


PIECES = (
    *("purchases", "spend", "activity.state", "interest('a')", "count('click', 2)", "true", "1"),
    *("'x'", "(", ")", "[", "]", ",", "!", "-", "+", "*", "/", "%", "<", ">=", "==", "!=", "in"),
    *("&&", "||", "\\", "'", "\n", "é", "1e9", ".5", "days_since('cart')"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join))
def test_whatever_is_written_is_refused_or_says_yes_or_no_of_anybody(expression: str) -> None:
    said = read_or_refused(expression)

    assert isinstance(said, int) or said.holds_for(ann()) in {True, False}


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(expression: str) -> None:
    said = read_or_refused(expression)

    assert isinstance(said, Expression) or 0 <= said <= len(expression)


def read_or_refused(expression: str) -> Expression | int:
    """Read an expression; or return the place of its fault."""
    try:
        return Expression.of(expression)
    except ExpressionError as error:
        return error.at


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_has_a_value_of_its_type(name: str) -> None:
    other = "'active'" if FIELDS[name].type == "a text" else "0"

    assert holds(f"{name} == {other} || {name} != {other}")


def test_every_field_and_function_says_what_it_is() -> None:
    says = [each.says for each in FIELDS.values()] + [each.says for each in FUNCTIONS.values()]

    assert all(each.endswith(".") for each in says)


@pytest.mark.parametrize(
    ("user", "stored"),
    [
        (f"{ANONYMOUS}ann", Stored(RECORD, None)),
        ("ann", Stored(None, None)),
        ("ann", Stored(RECORD[:100], None)),
        ("ann", Stored(RECORD, None, str(WITHDRAWN.number).encode())),
        ("ann", Stored(RECORD[:8] + b"\0" + RECORD[9:], None)),  # erased
    ],
)
def test_who_may_not_be_asked_about_is_nobody(user: str, stored: Stored) -> None:
    assert person_of(user, stored, GRANTED, TWO_DAYS_LATER) is None
