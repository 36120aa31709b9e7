"""Replies filled: what is known goes into a template's slots, and nothing else does.

intent, language ─▶ its replies ─▶ the first whose facts are all known ─▶ filled ─▶ checked
                                 └─ none: which facts are missing, of the first

A fact has a source: the order that came with the request, the catalogue, the profile, or a constant
of the desk. Nothing is guessed, so what is not known is missing, and said to be.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from unicodedata import category

from portrait.helpdesk.desk import Desk, Reply
from portrait.helpdesk.harmful import harm_in

LONGEST_VALUE = 200  # characters of a slot's value

Facts = Mapping[str, str]  # by source: `order.order_id`, `item.title`


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that was filled."""

    slot: str
    source: str
    value: str


@dataclass(frozen=True, slots=True)
class Filled:
    """A reply that can be sent."""

    reply: Reply
    slots: tuple[Slot, ...]

    @property
    def text(self) -> str:
        """What is sent."""
        return self.written(self.reply.text)

    def written(self, template: str) -> str:
        """Fill another text with the same slots."""
        return template.format_map({each.slot: each.value for each in self.slots})


@dataclass(frozen=True, slots=True)
class Missing:
    """Why there is no reply."""

    facts: tuple[str, ...] = ()  # sources that say nothing, of the first reply that would do
    withheld: str | None = None  # a word that no answer says, and that a value brought in


def best_reply(desk: Desk, intent: str | None, language: str, facts: Facts) -> Filled | Missing:
    """Return the first reply, in the order of the file, whose facts are all known."""
    fitting = [
        reply for reply in desk.replies if reply.intent == intent and reply.language == language
    ]
    answers = [filled(reply, facts) for reply in fitting]
    ready = (answer for answer in answers if isinstance(answer, Filled))
    return next(ready, answers[0] if answers else Missing())


def filled(reply: Reply, facts: Facts) -> Filled | Missing:
    """Fill a reply, or say why it cannot be: a slot without a fact is never filled."""
    missing = [source for source in reply.slots.values() if not facts.get(source)]
    if missing:
        return Missing(tuple(dict.fromkeys(missing)))
    slots = tuple(Slot(slot, source, facts[source]) for slot, source in reply.slots.items())
    answer = Filled(reply, slots)
    if found := harm_in(answer.text):
        return Missing(withheld=found)
    return answer


def facts_of(kind: str, values: Mapping[str, object]) -> Facts:
    """Return what one source says, as texts fit for a line; what says nothing is left out."""
    said = {f"{kind}.{name}": _line_of(value) for name, value in values.items()}
    return {source: value for source, value in said.items() if value}


def joined(sources: Iterable[Facts]) -> Facts:
    """Return what all sources say."""
    return {name: value for facts in sources for name, value in facts.items()}


def _line_of(value: object) -> str:
    """Write a value in one line, without signs that nobody sees."""
    if value is None or isinstance(value, bool):
        return ""
    written = f"{value:g}" if isinstance(value, float) else str(value)
    seen = "".join(sign if category(sign)[0] != "C" else " " for sign in written)
    return " ".join(seen.split())[:LONGEST_VALUE]
