"""README.zh-CN.md says what README.md says: whoever changes one is told to change the other.

A machine can compare what is the same in both languages: headings, commands, links, names in code
and figures. The prose itself is for people to compare.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.support.generated import ROOT

ENGLISH = "README.md"
CHINESE = "README.zh-CN.md"
MARKDOWN = MarkdownIt("commonmark").enable("table")
COMMENT = re.compile(r"\s*(?:^|\s)# .*$")
SETTING = re.compile(r"PORTRAIT_\w+")
MAKE_TARGET = re.compile(r"\bmake [a-z]+(?:-[a-z]+)*")
NUMBER = re.compile(r"[+−-]?(?:\d+(?:[.,]\d+)*|\.\d+)")  # noqa: RUF001 (the minus of tables)


class Block(NamedTuple):
    """A heading, code block, paragraph, list entry or table cell, and the line it begins in."""

    token: Token
    line: int


class Found(NamedTuple):
    """What a page must have in common with the other, and the line it stands in."""

    what: str
    line: int


def headings(page: list[Block]) -> list[Found]:
    """Return the level of every heading, in order."""
    return [Found(token.markup, line) for token, line in page if token.type == "heading_open"]


def commands(page: list[Block]) -> list[Found]:
    """Return the lines of every code block after its language, in order, without comments."""
    return [
        Found(COMMENT.sub("", each), line + number)
        for token, line in page
        if token.type == "fence"
        for number, each in enumerate((f"```{token.info}", *token.content.splitlines(), "```"))
    ]


def links(page: list[Block]) -> list[Found]:
    """Return where links and images lead, but for the link to the other page."""
    targets = ((child.attrs.get("href", child.attrs.get("src")), line) for child, line in page)
    known = (Found(str(target), line) for target, line in targets if target)
    return sorted(each for each in known if each.what not in {ENGLISH, CHINESE})


def names(page: list[Block]) -> list[Found]:
    """Return what prose and tables set in code: settings, commands, routes, keys, files."""
    return sorted(Found(token.content, line) for token, line in page if token.type == "code_inline")


def settings(page: list[Block]) -> list[Found]:
    """Return the settings that are named anywhere, comments of code blocks included."""
    return sorted(_in_code(page, SETTING))


def make_targets(page: list[Block]) -> list[Found]:
    """Return what make is asked for anywhere, comments of code blocks included."""
    return sorted(_in_code(page, MAKE_TARGET))


def figures(page: list[Block]) -> list[Found]:
    """Return the numbers of each paragraph, list entry and table cell that has any, in order.

    Within one they are sorted, for languages differ in the order of their words.
    """
    texts = ((_prose(token), line) for token, line in page if token.type == "inline")
    numbers = (Found(" ".join(sorted(NUMBER.findall(text))), line) for text, line in texts)
    return [each for each in numbers if each.what]


COMPARED = (headings, commands, links, names, settings, make_targets, figures)


@pytest.mark.parametrize("part", COMPARED, ids=lambda part: part.__name__)
def test_both_readmes_have_the_same(part: Callable[[list[Block]], list[Found]]) -> None:
    english, chinese = (part(_page(name)) for name in (ENGLISH, CHINESE))

    differences = list(_differences(english, chinese))

    assert english, f"{ENGLISH} has no {part.__name__}"
    if differences:
        pytest.fail("\n".join((f"Change both, {part.__name__} differ:", *differences)))


@pytest.mark.parametrize(("page", "other"), [(ENGLISH, CHINESE), (CHINESE, ENGLISH)])
def test_each_readme_leads_to_the_other_in_its_first_lines(page: str, other: str) -> None:
    first = (ROOT / page).read_text().splitlines()[:5]

    assert [line for line in first if f"]({other})" in line], f"{page} does not link to {other}"


def _page(name: str) -> list[Block]:
    """Return all that a page is made of, what stands inside paragraphs after each of them.

    A table cell does not say where it is; it stands in the line of its row.
    """
    page: list[Block] = []
    line = 0
    for token in MARKDOWN.parse((ROOT / name).read_text()):
        line = token.map[0] + 1 if token.map else line
        page += (Block(each, line) for each in (token, *(token.children or ())))
    return page


def _in_code(page: list[Block], pattern: re.Pattern[str]) -> Iterator[Found]:
    for token, line in page:
        if token.type in {"fence", "code_inline"}:
            yield from (Found(each, line) for each in pattern.findall(token.content))


def _prose(paragraph: Token) -> str:
    inside = paragraph.children or ()
    return " ".join(child.content for child in inside if child.type == "text")


def _differences(english: list[Found], chinese: list[Found]) -> Iterator[str]:
    """Say what stands in one page and not, or not there, in the other."""
    ours, theirs = ([each.what for each in found] for found in (english, chinese))
    for tag, i, j, k, m in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if tag != "equal":
            yield from _alone(english[i:j], ENGLISH)
            yield from _alone(chinese[k:m], CHINESE)


def _alone(found: Iterable[Found], page: str) -> Iterator[str]:
    return (f"  only {page}, line {line}: {what}" for what, line in found)
