"""Values: numbers, prices, ids and yes or no, in the common ways of writing them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.reading.availability import availability
from portrait.reading.values import (
    as_id,
    as_money,
    as_number,
    as_text,
    as_whole,
    is_said,
    said,
    scaled,
)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("12.90", 12.9),
        ("12,90", 12.9),
        ("1,234.56", 1234.56),
        ("1.234,56", 1234.56),
        ("1 234,56", 1234.56),
        ("1\u202f234,56", 1234.56),
        ("1'234.56", 1234.56),
        ("1\u2019234.56", 1234.56),
        ("1,234", 1234.0),
        ("1,234,567", 1234567.0),
        ("1.234.567", 1234567.0),
        ("1.234", 1.234),
        ("12,34,567.80", 1234567.8),  # lakhs
        ("\uff11\uff12\uff0e\uff15\uff10", 12.5),  # of full width
        (" 7 ", 7.0),
        ("+7", 7.0),
        ("-7", -7.0),
        ("1e3", 1000.0),
        (".5", 0.5),
        (12, 12),
        (12.5, 12.5),
    ],
)
def test_numbers_are_read_with_the_separators_of_both_schools(
    written: object, number: float
) -> None:
    assert as_number(written) == pytest.approx(number)


@pytest.mark.parametrize(
    "written", ["", "twelve", "12 or 13", "1-2", "0x1f", "1,2,3.4.5", "9" * 80]
)
def test_what_is_no_number_stays_what_it_was(written: str) -> None:
    assert as_number(written) == written


@given(st.floats(0, 1e8).map(lambda each: round(each, 2)))
def test_a_number_is_the_same_in_every_school(number: float) -> None:
    for thousands, point in ((",", "."), (".", ","), (" ", ","), ("'", "."), ("", ".")):
        text = f"{number:,.2f}".replace(",", "t").replace(".", "p")
        assert as_number(text.replace("t", thousands).replace("p", point)) == pytest.approx(number)


@pytest.mark.parametrize(
    ("written", "amount", "currency"),
    [
        ("12.90 EUR", 12.9, "EUR"),
        ("EUR 12,90", 12.9, "EUR"),
        ("eur12.90", 12.9, "EUR"),
        ("€12.90", 12.9, "EUR"),
        ("12,90 €", 12.9, "EUR"),
        ("￥1,299.00", 1299.0, "CNY"),
        ("1299元", 1299.0, "CNY"),
        ("US$ 9.99", 9.99, "USD"),
        ("HK$88", 88.0, "HKD"),
        ("$9.99", 9.99, "USD"),
        ("1.299,00 zł", 1299.0, "PLN"),
        (9.99, 9.99, None),
        ("9.99", 9.99, None),
        ({"amount": "12.90", "currency": "EUR"}, 12.9, "EUR"),
        ({"value": 12.9, "currencyCode": "usd"}, 12.9, "USD"),
        ({"amount": "12,90 €"}, 12.9, "EUR"),
        ({"centAmount": 1290, "fractionDigits": 2, "currencyCode": "EUR"}, 12.9, "EUR"),
        ({"units": "12", "nanos": 900_000_000, "currencyCode": "EUR"}, 12.9, "EUR"),
    ],
)
def test_prices_are_read_with_their_currency(
    written: object, amount: float, currency: str | None
) -> None:
    found, code = as_money(written)

    assert found == pytest.approx(amount)
    assert code == currency


def test_a_sign_of_several_currencies_is_the_shops_own() -> None:
    assert as_money("¥100", "JPY") == (100.0, "JPY")
    assert as_money("¥100", "CNY") == (100.0, "CNY")
    assert as_money("$100", "CAD") == (100.0, "CAD")


@pytest.mark.parametrize("written", ["free", "12.90 or more", "A3o=", "EUR", {}, [12]])
def test_what_is_no_price_has_no_currency(written: object) -> None:
    assert as_money(written)[1] is None
    assert not isinstance(as_money(written)[0], float)


@pytest.mark.parametrize(
    ("sent", "id"),
    [(12345, "12345"), (12.0, "12"), (0, "0"), ("007", "007"), (2**63, str(2**63)), (1.5, "1.5")],
)
def test_numbers_are_ids_as_decimal_text(sent: object, id: object) -> None:
    assert as_id(sent) == id


@pytest.mark.parametrize("sent", ["undefined", "null", "NaN", "(not set)", " None "])
def test_what_scripts_write_for_nobody_is_nobody(sent: str) -> None:
    assert as_id(sent) is None


def test_what_says_nothing_is_as_if_it_were_absent() -> None:
    fields: dict[str, object] = {
        "a": None,
        "b": "",
        "c": "  ",
        "d": math.nan,
        "e": 0,
        "f": False,
        "g": [],
    }

    assert said(fields) == {"e": 0, "f": False, "g": []}
    assert not any(map(is_said, (None, "", math.nan)))


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (100, "100"),
        (1.5, "1.5"),
        (2.0, "2"),
        (True, "true"),
        (["green", None, "loose", 3], "green, loose, 3"),
        ("half \ud83d character", "half \ufffd character"),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_texts_are_read_from_what_is_no_text(sent: object, text: object) -> None:
    assert as_text(sent) == text


@pytest.mark.parametrize(
    ("sent", "pieces"), [("2", 2), ("2.0", 2), (2.0, 2), (1.5, 1.5), ("x", "x")]
)
def test_pieces_are_whole(sent: object, pieces: object) -> None:
    assert as_whole(sent) == pieces


@pytest.mark.parametrize(
    ("fields", "can_be_bought"),
    [
        ({"availability": "out of stock"}, False),
        ({"availability": "out_of_stock"}, False),
        ({"availability": "https://schema.org/OutOfStock"}, False),
        ({"availability": "https://schema.org/InStock"}, True),
        ({"stock": 0}, False),
        ({"stock": "0"}, False),
        ({"stock": 3}, True),
        ({"stock": {"quantity": 0}}, False),
        ({"inventory_quantity": -2}, False),
        ({"in_stock": False, "stock": 3}, False),
        ({"in_stock": "yes", "status": "draft"}, False),
        ({"available": "out of stock"}, False),
        ({"available": "true"}, True),
        ({"status": "active"}, True),
        ({"status": "下架"}, False),
        ({"status": "在售"}, True),
        ({"available": None, "stock": ""}, None),
        ({}, None),
    ],
)
def test_availability_is_read_in_the_words_that_shops_use(
    fields: dict[str, object],
    can_be_bought: bool | None,  # noqa: FBT001 - it is the answer
) -> None:
    assert availability(fields) == (can_be_bought, {})


def test_a_word_that_nobody_knows_is_left_out_and_said() -> None:
    assert availability({"status": "perhaps", "stock": 3}) == (True, {"status": "unknown word"})


@pytest.mark.parametrize(
    ("unscaled", "scale", "number"),
    [
        (b"\x05\x0a", 2, 12.9),
        (b"\xfe\xd4", 2, -3.0),
        (b"\x0c", -3, 12_000.0),
        (b"", 0, 0.0),
        (b"\1", 65, None),
        (b"\1", -(10**9), None),  # a power that takes minutes
        (b"\1" * 33, 0, None),
        (b"\1", "2", None),
    ],
)
def test_bytes_are_the_number_of_their_scale_within_bounds(
    unscaled: bytes, scale: object, number: float | None
) -> None:
    assert scaled(unscaled, scale) == number
