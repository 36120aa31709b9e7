"""Expressions: read, checked by type, and made into functions that say yes or no of a person.

text ─▶ words ─▶ tree ─▶ terms: types checked, names looked up ─▶ functions in each other

What an evaluation costs is bounded by how many parts there are, each of which looks at the newest
64 events at most.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from portrait.segments.fields import Type
from portrait.segments.person import Person
from portrait.segments.terms import Reader, Thing, require
from portrait.segments.tree import Operation, parse

Judge = Callable[[Person], bool]


class Clause(NamedTuple):
    """One of the conditions that all have to hold, as it is written, and what judges by it."""

    text: str
    holds_for: Judge


@dataclass(frozen=True, slots=True)
class Expression:
    """Who is meant."""

    text: str
    holds_for: Judge
    clauses: tuple[Clause, ...]
    things: tuple[Thing, ...]
    forecasts: frozenset[str]  # fields it names that a model foretells

    @classmethod
    def of(cls, text: str, spelled: Mapping[str, str] | None = None) -> "Expression":
        """Read one.

        Args:
            text: As somebody wrote it.
            spelled: How the shop writes what it names, by `Thing.key`; else as it is written.

        Raises:
            ExpressionError: It means nothing.
        """
        tree, reader = parse(text), Reader(spelled or {})
        term = reader.term(tree)
        require(term, Type.FLAG, tree, "who is meant has to be said by")
        parts = tree.parts if isinstance(tree, Operation) and tree.sign == "&&" else (tree,)
        clauses = tuple(Clause(text[part.at : part.end], reader.term(part).read) for part in parts)
        things = tuple(dict.fromkeys(reader.things))
        return cls(text, term.read, clauses, things, frozenset(reader.forecasts))
