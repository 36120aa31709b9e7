"""Ways of writing Chinese: simplified, traditional as in Taiwan, with letters of full width."""

from collections.abc import Callable, Mapping

from opencc import OpenCC

_TRADITIONAL = OpenCC("s2tw")
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}  # ASCII as signs of full width


def traditional(text: str) -> str:
    """Write a text in traditional characters."""
    return str(_TRADITIONAL.convert(text))


def wide(text: str) -> str:
    """Write letters and digits in full width."""
    return text.translate(_WIDE)


WRITE: Mapping[str, Callable[[str], str]] = {
    "as written": str,
    "traditional": traditional,
    "full width": wide,
}
