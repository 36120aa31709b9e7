"""Values: how producers write an id, a text, a number, an amount of money, a yes.

Nothing here refuses. What can be read becomes what the models of `portrait.events` take; anything
else stays as it was sent, for them to refuse by name.
"""

import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import from_json, to_json

Fields = dict[str, Any]

# What scripts write for nothing: as somebody's id, it would be one profile for all of them.
NOBODY = frozenset({"undefined", "null", "(null)", "(not set)", "NaN", "None", "nil"})
_DECIMAL = re.compile(r"\d{1,15}(?:\.\d{1,15})?", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*")
_PLAIN = re.compile(r"[+-]?\d[\d.,]*(?:[eE][+-]?\d{1,3})?|[+-]?[.,]\d+")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[\s'\u2019_](?=\d{3}(?!\d))")
_SURROGATES = re.compile("[\ud800-\udfff]")
_DEEPEST = 200  # levels of JSON in each other: as many as the usual reader takes
_BOXES = ("$oid", "$numberLong", "$numberInt", "$uuid")  # what MongoDB writes values into
_POINTED = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+", re.ASCII)
_THOUSANDTHS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})  # have three decimals
MOST_OBJECTS = 1_000  # of one list in a message
LONGEST_NUMBER = 64  # characters
_LARGEST = 10**18  # of a whole number that is a part of an amount
_LONGEST_UNSCALED = 32  # bytes: 77 digits
_LARGEST_SCALE = 64  # places after the point: a power of ten beyond is counted out for minutes

_CURRENCY_OF_SIGN: Mapping[str, tuple[str, ...]] = {
    "€": ("EUR",),
    "£": ("GBP",),
    "¥": ("CNY", "JPY"),  # either's, by the shop's own
    "元": ("CNY",),
    "圆": ("CNY",),
    "块": ("CNY",),
    "円": ("JPY",),
    "₩": ("KRW",),
    "₹": ("INR",),
    "₽": ("RUB",),
    "₺": ("TRY",),
    "₫": ("VND",),
    "฿": ("THB",),
    "zł": ("PLN",),
    "kr": ("SEK", "NOK", "DKK"),
    "R$": ("BRL",),
    "US$": ("USD",),
    "HK$": ("HKD",),
    "NT$": ("TWD",),
    "A$": ("AUD",),
    "C$": ("CAD",),
    "S$": ("SGD",),
    "$": ("USD", "CAD", "AUD", "HKD", "SGD", "TWD", "NZD", "MXN"),
}
_LONGEST_FIRST = sorted(_CURRENCY_OF_SIGN.items(), key=lambda each: -len(each[0]))
_OTHER_CODES = {"RMB": "CNY", "CNH": "CNY", "NTD": "TWD", "YEN": "JPY", "EURO": "EUR"}
_AMOUNTS = ("amount", "value", "price", "price_amount", "item_price", "units")
_CURRENCIES = ("currency", "currencyCode", "currency_code", "price_currency", "priceCurrency")


def is_said(value: object) -> bool:
    """Say whether a field says something: null, empty and not a number are as if it were absent."""
    if isinstance(value, str):
        return bool(value) and not value.isspace()
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def said(fields: Mapping[str, Any]) -> Fields:
    """Return the fields that say something."""
    return {name: value for name, value in fields.items() if is_said(value)}


def first(fields: Mapping[str, Any], names: Iterable[str]) -> Any:  # noqa: ANN401 - as it was sent
    """Return what the first of these fields says that says something; None if none does."""
    for name in names:  # a generator would take twice as long, and rows are read by the million
        value = fields.get(name)
        if value is not None and is_said(value):
            return value
    return None


def within(value: object, *path: str) -> Any:  # noqa: ANN401 - as it was sent
    """Follow a path through nested objects; None where it ends."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def objects(value: object) -> list[Fields]:
    """Return the objects of a list, or of a JSON text of one; an object alone is a list of one.

    Of very many one more than may be in a message: whoever reads them sees that.
    """
    if isinstance(value, str):
        value = parsed(value)
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        return []
    return [each for each in value[: MOST_OBJECTS + 1] if isinstance(each, dict)]


def parsed(text: str) -> Any:  # noqa: ANN401 - as it was sent
    """Return what a JSON text holds; None if it is none."""
    try:
        return from_json(text)
    except ValueError:
        pass
    try:
        return lenient(text)
    except ValueError:
        return None


def lenient(text: str) -> Any:  # noqa: ANN401 - as it was sent
    """Read JSON with half characters in it, which stay in values: whoever reads these refuses them.

    Raises:
        ValueError: It is none, or deeper than the usual reader reads.
    """
    try:
        return _with_whole_names(json.loads(text), _DEEPEST)
    except RecursionError as error:
        raise ValueError from error


def _with_whole_names(value: object, deep: int) -> object:
    """Replace half characters in the names of fields."""
    if deep < 0:
        raise ValueError
    if isinstance(value, dict):
        return {
            _SURROGATES.sub("\ufffd", name): _with_whole_names(each, deep - 1)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_with_whole_names(each, deep - 1) for each in value]
    return value


def as_json(value: object) -> bytes:
    """Write what was sent, half characters and all."""
    try:
        return to_json(value, fallback=str, inf_nan_mode="null")
    except ValueError:  # half a character
        return json.dumps(value, default=str).encode()


def as_id(value: object) -> object:
    """Read an id. Numbers are ids as their decimal text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        is_exact = abs(value) < 2**53
        return (
            str(int(value))
            if is_exact and value.is_integer()
            else repr(value)
            if is_exact
            else value
        )
    if isinstance(value, Mapping) and len(value) == 1:
        return as_id(first(value, _BOXES))
    return None if isinstance(value, str) and value.strip() in NOBODY else value


def as_text(value: object) -> object:
    """Read a text: numbers as they are written, lists joined, half characters replaced."""
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(as_id(value)) if isinstance(value, int) or value.is_integer() else repr(value)
    if isinstance(value, list):
        texts = [as_text(each) for each in value if is_said(each)]
        return ", ".join(texts) if all(isinstance(each, str) for each in texts) else value  # type: ignore[arg-type]
    return value


def as_number(value: object) -> object:
    """Read a number, with the separators of any school: 1,234.56 and 1.234,56 and 1 234,56.

    Ambiguous is 1,234: a comma before three digits separates thousands, a lone point never does.
    """
    if not isinstance(value, str) or len(value) > LONGEST_NUMBER:
        return None if isinstance(value, bool) else value
    text = unicodedata.normalize("NFKC", value).strip().replace("\u2212", "-")
    text = _BETWEEN_DIGITS.sub("", text)
    if not _PLAIN.fullmatch(text):
        return value
    point, comma = text.rfind("."), text.rfind(",")
    if point >= 0 and comma >= 0:
        thousands = "," if point > comma else "."
        text = text.replace(thousands, "")
    elif (comma >= 0 and _GROUPED.fullmatch(text)) or text.count(".") > 1:
        grouped = _GROUPED.fullmatch(text)
        text = text.replace(",", "").replace(".", "") if grouped else text
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return value


def scaled(unscaled: bytes, scale: object) -> float | None:
    """Return the number that big-endian bytes are of, by its scale; None if it is beyond bounds."""
    if len(unscaled) > _LONGEST_UNSCALED or not isinstance(scale, int):
        return None
    if abs(scale) > _LARGEST_SCALE:
        return None
    number: float = int.from_bytes(unscaled, "big", signed=True) / 10**scale
    return number


def as_whole(value: object) -> object:
    """Read a number of pieces: 2.0 is 2."""
    number = as_number(value)
    return int(number) if isinstance(number, float) and number.is_integer() else number


def as_money(value: object, home: str | None = None) -> tuple[object, str | None]:
    """Read an amount, and the currency that stands with it, as its code; None if none does.

    Args:
        value: 12.9, "12,90 €", "CNY 12.90", {"amount": "12.90", "currency": "EUR"} and the like.
        home: The shop's currency: what a sign means that several currencies share.
    """
    if isinstance(value, Mapping):
        return _structured(value, home)
    if not isinstance(value, str) or len(value) > LONGEST_NUMBER:
        return as_number(value), None
    if _DECIMAL.fullmatch(value):  # as most are
        return float(value), None
    text = unicodedata.normalize("NFKC", value).strip()
    currency = None
    for sign, codes in _LONGEST_FIRST:
        if text.startswith(sign) or text.endswith(sign):
            currency = home if home in codes else codes[0]
            text = text.removeprefix(sign).removesuffix(sign).strip()
            break
    code = re.search(r"^([A-Za-z]{3})(?![A-Za-z])|(?<![A-Za-z])([A-Za-z]{3})$", text)
    if code is not None:
        currency = as_currency(code[0], home)
        text = (text[: code.start()] + text[code.end() :]).strip()
    if currency is not None and currency not in _THOUSANDTHS and _POINTED.fullmatch(text):
        text = text.replace(".", "")  # beside a currency three digits are thousands
    number = as_number(text)
    return (number, currency) if isinstance(number, float) else (value, None)


def _structured(value: Mapping[str, Any], home: str | None) -> tuple[object, str | None]:
    """Read an amount that is an object; commercetools write `centAmount`, Google `nanos`."""
    code = as_currency(first(value, _CURRENCIES), home)
    if isinstance(cents := value.get("centAmount"), int):
        digits = value.get("fractionDigits", 2)
        is_one = digits in range(7) and abs(cents) < _LARGEST
        return (cents / 10**digits if is_one else dict(value)), code
    inside = first(value, _AMOUNTS)
    if isinstance(inside, Mapping) and isinstance(first(inside, _AMOUNTS), Mapping):
        return dict(value), code  # nobody writes amounts in amounts in amounts
    amount, inner = as_money(inside, home)
    nanos = value.get("nanos")
    if isinstance(nanos, int) and isinstance(amount, int | float) and abs(nanos) < _LARGEST:
        amount = amount + nanos / 1e9
    return (dict(value) if amount is None else amount), code or inner


def as_currency(value: object, home: str | None = None) -> str | None:
    """Read a currency: its code, its sign, or an object that has one; None if it is not said.

    Args:
        value: "EUR", "rmb", "元", {"code": "USD"} and the like.
        home: The shop's: what a sign means that several share.
    """
    if isinstance(value, Mapping):
        value = first(value, ("code", "isoCode", "iso_code", "currency", "name", "symbol"))
    if not isinstance(value, str) or not is_said(value):
        return None
    text = unicodedata.normalize("NFKC", value[:LONGEST_NUMBER]).strip()
    codes = _CURRENCY_OF_SIGN.get(text) or _CURRENCY_OF_SIGN.get(text.lower())
    if codes is not None:
        return home if home in codes else codes[0]
    return _OTHER_CODES.get(text.upper(), text.upper())


def as_flag(value: object, yes: frozenset[str], no: frozenset[str]) -> object:
    """Read a yes or no from words, or from a number."""
    if isinstance(value, bool):
        return value
    number = as_number(value)
    if isinstance(number, int | float):
        return number > 0
    if isinstance(value, str):
        word = words(value.rsplit("/", 1)[-1])
        if word in yes or word in no:
            return word in yes
    return value


def words(name: str) -> str:
    """Return a name without what people write differently: case, spaces, `_` and `-`."""
    return re.sub(r"[\s_\-]+", "", unicodedata.normalize("NFKC", name)).casefold()
