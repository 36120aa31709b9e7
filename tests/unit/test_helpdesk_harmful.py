"""Harmful: what no answer says; and what only looks so."""

import pytest

from portrait.helpdesk.harmful import harm_in


@pytest.mark.parametrize(
    "text",
    [
        "You are an IDIOT.",
        "shut  up".replace("  ", " "),
        "you\u2019ll regret this",
        "f\u200buck off",
        "ｉｄｉｏｔ",  # noqa: RUF001 - written wide
        "你这个白痴",
        "滚蛋",
        "去死吧",
    ],
)
def test_what_hurts_is_found_however_it_is_written(text: str) -> None:
    assert harm_in(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "Kills weeds in two days",
        "A cocktail shaker from Scunthorpe",
        "给妈妈的礼物",
        "去死皮磨砂膏",
        "他妈妈的生日你好",
        "废物利用",
        "Shitake mushrooms",
    ],
)
def test_what_only_looks_so_is_not(text: str) -> None:
    assert harm_in(text) is None
