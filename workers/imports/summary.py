"""Summary: what the messages of a file were read as, for an engineer who knows the shop alone."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from portrait.reading.names import OTHER
from portrait.reading.report import End, Report

MOST_KINDS = 200  # told apart: producers may invent any number of names
MOST_FIELDS = 20  # left out, that are named
LONGEST = 40  # characters of what a message is called
UNKNOWN = "not known by this name: a mapping file can say what it means"
WHO = "says who an anonymous visitor is: their profiles are joined"
ENDS = {End.READ: "read", End.PASSED_OVER: "passed over", End.DEAD: "dead"}
MEANINGS = {
    End.READ: "read: it counts as what is shown; an event in the profile of whoever did it.",
    End.PASSED_OVER: "passed over: no fault. Nothing was done in it, or it is called by a name "
    "that nobody knows.",
    End.DEAD: "dead: it cannot be read, for the reason shown. Sent to Kafka, it is put aside in "
    "the topic\n      events.dead. Mend what sends it, or write a mapping (PORTRAIT_MAPPING); "
    "deploy/mappings has\n      some: orders of Shopify, Matomo, a log as CSV.",
}
LEFT_OUT = "left out: fields that cannot be read. The rest of their messages counts."


class Kind(NamedTuple):
    """Messages of which the same is to be said."""

    called: str
    end: End
    what: str  # they were read as, or why they were not


@dataclass(slots=True)
class Summary:
    """Counts of reports."""

    messages: int = 0
    events: int = 0
    ends: Counter[End] = field(default_factory=Counter)
    kinds: Counter[Kind] = field(default_factory=Counter)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)  # field, why

    def add(self, report: Report) -> None:
        """Count one more message."""
        self.messages += 1
        self.events += len(report.events)
        self.ends[report.end] += 1
        kind = Kind(report.called, report.end, what_of(report))
        if kind not in self.kinds and len(self.kinds) >= MOST_KINDS:
            kind = Kind("(others)", report.end, "")
        self.kinds[kind] += 1
        if report.left_out:
            self.left_out.update(report.left_out.items())

    def join(self, other: "Summary") -> None:
        """Count what another has counted, too."""
        self.messages += other.messages
        self.events += other.events
        self.ends.update(other.ends)
        self.kinds.update(other.kinds)
        self.left_out.update(other.left_out)

    def lines(self) -> Iterator[str]:
        """Write it, the commonest of each end first."""
        read, over, dead = (self.ends[end] for end in End)
        yield (
            f"{self.messages:,} {'message' if self.messages == 1 else 'messages'}: {read:,} read, "
            f"{over:,} passed over, {dead:,} dead"
        )
        if not self.messages:
            return
        yield ""
        called = {kind: printable(kind.called) or "(no name)" for kind in self.kinds}
        width = max(len("called"), *map(len, called.values()))
        yield f"{'messages':>10}  {'called':{width}}  {'end':11}  what"
        for end in End:
            for kind, count in self.kinds.most_common():
                if kind.end is end:
                    row = f"{count:>10,}  {called[kind]:{width}}  {ENDS[end]:11}  {kind.what}"
                    yield row.rstrip()
        for (name, why), count in self.left_out.most_common(MOST_FIELDS):
            yield f"{count:>10,}  left out: {printable(name)} ({why})"
        yield ""
        yield from (MEANINGS[end] for end in End if self.ends[end])
        if self.left_out:
            yield LEFT_OUT


def what_of(report: Report) -> str:
    """Say of what kind a message was read, or why it was not."""
    if report.end is End.DEAD:
        return report.reason or ""
    if report.end is End.PASSED_OVER:
        if report.who:
            return WHO
        return UNKNOWN if report.reason == OTHER else ""
    if report.events:
        return ", ".join(dict.fromkeys(event.type.value for event in report.events))
    return "item" if report.items else "withdrawal"


def printable(text: str, longest: int = LONGEST) -> str:
    """Return a text as a terminal may have it: in one line, and without what commands it."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
