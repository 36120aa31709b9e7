"""Help texts: Markdown, HTML and tables become passages of plain text."""

from pathlib import Path

import pytest

from assist.import_help import import_help
from portrait.errors import FileUnreadableError
from portrait.helpdesk.pages import read_page
from portrait.helpdesk.passages import LONGEST, Passage, passages_of
from portrait.helpdesk.read_desk import read_desk
from tests.support.desks import write_desk

MARKDOWN = """\
Before any heading.

# Delivery & costs

Three *days*, see [the list](https://shop.example/list).

| land | days |
|---|---|
| here | 3 |

## 配送时间 {#times}

工作日送达。

```
# no heading
```
"""
HTML = """\
<!doctype html><html><head><title>x</title><script>alert(1)</script></head><body>
<nav>Home | Shop</nav><h1 id="top">Returns</h1>
<p onclick="evil()">Within <b>30</b> days.<br>Really.</p>
<style>p {}</style><h2>Exceptions</h2><ul><li>food</li><li>under&shy;wear</li></ul>
<!-- secret --><iframe src="x">no</iframe></body></html>
"""
CSV = 'question,answer,anchor\nCan I pay later?,"Yes, ""in 30 days""",pay\n,Nothing,\n'


def page(folder: Path, name: str, text: str | bytes) -> list[Passage]:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_page(path)


def shown(passages: list[Passage]) -> list[tuple[str, str, str]]:
    return [(each.title, each.anchor, each.text) for each in passages]


def test_markdown_is_cut_at_its_headings(tmp_path: Path) -> None:
    passages = page(tmp_path, "delivery.md", MARKDOWN)

    assert shown(passages)[0] == ("delivery", "", "Before any heading.")
    title, anchor, text = shown(passages)[1]
    assert (title, anchor) == ("Delivery & costs", "delivery-costs")
    assert text.startswith("Three days, see the list.")
    assert "here 3" in text
    assert passages[2].text.startswith("工作日送达。")
    assert "# no heading" in passages[2].text


def test_of_html_the_text_alone_is_left(tmp_path: Path) -> None:
    passages = page(tmp_path, "returns.html", HTML)

    assert shown(passages) == [
        ("Returns", "top", "Within 30 days.\nReally."),
        ("Exceptions", "exceptions", "food\nunderwear"),
    ]


def test_html_without_an_end_of_its_head_is_read(tmp_path: Path) -> None:
    passages = page(tmp_path, "a.htm", "<head><title>x</title><body><p>Text.</p>")

    assert shown(passages) == [("a", "", "Text.")]


def test_markup_inside_of_markdown_is_no_markup_afterwards(tmp_path: Path) -> None:
    (passage,) = page(tmp_path, "a.md", "Hello <script>alert(1)</script><b>you</b>")

    assert passage.text == "Hello you"


def test_each_row_of_a_table_is_a_passage(tmp_path: Path) -> None:
    passages = page(tmp_path, "faq.csv", CSV)

    assert shown(passages) == [
        ("Can I pay later?", "pay", 'Yes, "in 30 days"'),
        ("", "", "Nothing"),
    ]


def test_signs_that_nobody_sees_are_left_out(tmp_path: Path) -> None:
    (passage,) = page(tmp_path, "a.md", "to\u200bge\x07ther\u202e")

    assert passage.text == "together"


def test_what_is_long_is_cut_where_a_reader_would_pause() -> None:
    text = " ".join(f"Sentence number {place} is here." for place in range(200))

    pieces = [each.text for each in passages_of("a.md", "A", "", text)]

    assert len(pieces) > 1
    assert max(map(len, pieces)) <= LONGEST
    assert all(piece.endswith(".") for piece in pieces)
    assert " ".join(pieces) == text


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.pdf", b"%PDF", "is none of .md"),
        ("a.md", b"ok\n\xff", "line 2: not UTF-8"),
        ("a.md", b"", "has no text"),
        ("a.csv", b"x,y\n1,2\n", "line 1: there is no column text or answer"),
        ("a.csv", b'text\n"open', "line 1: unexpected end"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, name: str, text: bytes, told: str) -> None:
    with pytest.raises(FileUnreadableError, match=told):
        page(tmp_path, name, text)


def test_a_file_that_is_imported_again_replaces_what_was_there(tmp_path: Path) -> None:
    desk, source = write_desk(tmp_path / "desk"), tmp_path / "delivery.md"
    source.write_text("# A\n\nold\n\n# B\n\nstays\n")
    (tmp_path / "other.md").write_text("other")
    import_help(desk, [source, tmp_path / "other.md"])
    source.write_text("# B\n\nstays\n")

    told = import_help(desk, [source])

    assert told == {"delivery.md": 1}
    assert sorted(passage.text for passage in read_desk(desk).passages) == ["other", "stays"]


def test_nothing_is_written_if_one_file_cannot_be_read(tmp_path: Path) -> None:
    desk = write_desk(tmp_path / "desk")
    (tmp_path / "a.md").write_text("text")

    with pytest.raises(FileUnreadableError):
        import_help(desk, [tmp_path / "a.md", tmp_path / "nowhere.md"])

    assert read_desk(desk).passages == ()
