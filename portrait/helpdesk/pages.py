"""Pages: Markdown, HTML and tables of help as passages; all that is not text is left behind.

Markdown ─▶ HTML ─▶ sections by heading ─▶ plain text ─▶ passages
CSV: columns `title` and `text` (or `question` and `answer`), and `anchor` if there is one

Scripts, styles, comments, tags and their attributes go: what is shown of a passage is text alone.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from unicodedata import category

from markdown_it import MarkdownIt

from portrait.errors import FileUnreadableError
from portrait.helpdesk.passages import Passage, passages_of

LARGEST_PAGE = 8_388_608  # bytes
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
PASSED_OVER = frozenset({"script", "style", "template", "noscript", "svg", "head", "nav", "iframe"})
BLOCKS = HEADINGS | {
    *("p", "li", "div", "br", "tr", "section", "article", "blockquote", "pre", "dd", "dt", "table"),
}
TITLES, TEXTS, ANCHORS = ("title", "question"), ("text", "answer", "body"), ("anchor", "id", "url")

_BLANK_LINES = re.compile(r"[^\S\n]*\n\s*")
_WHITE = re.compile(r"\s+")
_SPACES = re.compile(r"[^\S\n]+")
_NO_ANCHOR = re.compile(r"[^\w-]+")


def read_page(path: Path) -> list[Passage]:
    """Read a file of help by what its name says it is.

    Raises:
        FileUnreadableError: It is not there, too large, not UTF-8, or of a kind that is not read.
    """
    read = _KINDS.get(path.suffix.lower())
    if read is None:
        msg = f"{path} is none of {', '.join(_KINDS)}"
        raise FileUnreadableError(msg)
    try:
        if path.stat().st_size > LARGEST_PAGE:
            msg = f"{path} is larger than {LARGEST_PAGE} bytes"
            raise FileUnreadableError(msg)
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        msg = f"{path} cannot be read ({type(error).__name__})"
        raise FileUnreadableError(msg) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        msg = f"{path}, line {line}: not UTF-8"
        raise FileUnreadableError(msg) from None
    found = [
        passage
        for title, anchor, section in read(path, text)
        for passage in passages_of(path.name, _clean(title), _clean(anchor), _clean(section))
    ]
    if not found:
        msg = f"{path} has no text"
        raise FileUnreadableError(msg)
    return found


Section = tuple[str, str, str]  # title, anchor, text


def _of_markdown(path: Path, text: str) -> Iterator[Section]:
    # HTML inside of it is read as such: what of it is text, stays.
    return _of_html(path, MarkdownIt("commonmark").enable("table").render(text))


def _of_html(path: Path, text: str) -> Iterator[Section]:
    page = _Page(path.stem)
    page.feed(text)
    page.close()
    yield from page.sections()


def _of_table(path: Path, text: str) -> Iterator[Section]:
    rows = csv.DictReader(io.StringIO(text), strict=True)
    titles, texts, anchors = (_column(rows.fieldnames or (), of) for of in (TITLES, TEXTS, ANCHORS))
    if texts is None:
        msg = f"{path}, line 1: there is no column {' or '.join(TEXTS)}"
        raise FileUnreadableError(msg)
    try:
        for row in rows:
            yield _cell(row, titles), _cell(row, anchors), _cell(row, texts)
    except csv.Error as error:
        msg = f"{path}, line {rows.line_num}: {error}"
        raise FileUnreadableError(msg) from None


_KINDS: Mapping[str, Callable[[Path, str], Iterator[Section]]] = {
    ".md": _of_markdown,
    ".markdown": _of_markdown,
    ".html": _of_html,
    ".htm": _of_html,
    ".csv": _of_table,
}


class _Page(HTMLParser):
    """Cuts a page at its headings."""

    def __init__(self, title: str) -> None:
        super().__init__(convert_charrefs=True)
        self._done: list[Section] = []
        self._title, self._anchor = title, ""
        self._text: list[str] = []
        self._heading: str | None = None  # of which the text is being read
        self._is_as_written = False  # inside of `pre`
        self._hidden: list[str] = []  # tags that are open, of what is passed over

    def sections(self) -> Iterator[Section]:
        """Yield what has text."""
        for section in [*self._done, self._section]:
            if section[-1].strip():
                yield section

    @property
    def _section(self) -> Section:
        return self._title, self._anchor, "".join(self._text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in PASSED_OVER:
            self._hidden.append(tag)
        elif tag == "body":  # the end of a head may be left out
            self._hidden.clear()
        elif tag in HEADINGS and not self._hidden:
            self._done.append(self._section)
            self._title, self._text, self._heading = "", [], tag
            self._anchor = dict(attrs).get("id") or ""
        elif tag in BLOCKS:
            self._text.append("\n")
            self._is_as_written = self._is_as_written or tag == "pre"
        elif tag in {"td", "th"}:
            self._text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]
        elif tag == self._heading:
            self._heading = None
            self._anchor = self._anchor or _NO_ANCHOR.sub("-", self._title.strip().lower())
        elif tag in BLOCKS:
            self._text.append("\n")
            self._is_as_written = self._is_as_written and tag != "pre"

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        shown = data if self._is_as_written else _WHITE.sub(" ", data)
        if self._heading is None:
            self._text.append(shown)
        else:
            self._title += shown


def _clean(text: str) -> str:
    """Return a text without signs that nobody sees, and without more space than it needs."""
    seen = "".join(sign for sign in text if sign in "\n\t" or category(sign)[0] != "C")
    return _SPACES.sub(" ", _BLANK_LINES.sub("\n", seen)).strip()


def _column(names: Iterable[str], wanted: Iterable[str]) -> str | None:
    given = {name.strip().lower(): name for name in names}
    return next((given[name] for name in wanted if name in given), None)


def _cell(row: Mapping[str, str | None], column: str | None) -> str:
    return "" if column is None else row.get(column) or ""
