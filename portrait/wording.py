"""Wording: one way to write what is read, however it was written.

Full and half width, composed and decomposed letters, traditional and simplified characters say the
same. Encoders and word lists know the commonest of them best: so all that is read or looked for is
brought into that form, and what people see stays as they wrote it.

Sources: Unicode Standard Annex 15 (NFKC); OpenCC's table of traditional characters.
"""

from unicodedata import normalize

from opencc import OpenCC

_SIMPLIFIED = OpenCC("t2s")


def worded(text: str) -> str:
    """Return a text in that form."""
    return text if text.isascii() else _SIMPLIFIED.convert(normalize("NFKC", text))
