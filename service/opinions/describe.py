"""A ledger in the words of the API."""

from collections.abc import Iterable, Mapping, Sequence

from portrait.opinions.alert import Alert
from portrait.opinions.aspects import Aspect, Tone
from portrait.opinions.ledger import Counts, Ledger
from portrait.opinions.voices import Example
from portrait.opinions.windows import AUTHORS, HARMFUL, TEXTS, Width, Window, share_of
from portrait.times import to_moment
from service.opinions.schemas import (
    AspectAnswer,
    OpinionAnswer,
    Share,
    TopicAnswer,
    WindowAnswer,
)

MOST_EXAMPLES = 3  # of one figure
MOST_TOPICS = 8  # of one window


def described(  # noqa: PLR0913, PLR0917 - what is asked, and what it is told with
    ledger: Ledger,
    width: Width,
    since: int,
    most: int,
    topics: Mapping[str, str],
    alerts: Sequence[Alert],
) -> OpinionAnswer:
    """Return the newest windows of a subject that end after a moment (ms)."""
    subject = ledger.subject
    windows = sorted(
        (each for each in ledger.counts if each.width is width and each.ends > since), reverse=True
    )
    return OpinionAnswer(
        kind=subject.kind,
        name=subject.name,
        newest=to_moment(ledger.newest),
        windows=tuple(_window(ledger, window, topics) for window in windows[:most]),
        alerts=tuple(
            each
            for each in alerts
            if (each.subject_kind, each.subject) == (subject.kind, subject.name)
        ),
    )


def _window(ledger: Ledger, window: Window, topics: Mapping[str, str]) -> WindowAnswer:
    counts = ledger.counts[window]
    texts = counts.get(TEXTS, 0)
    figures = _Figures(counts, _examples(ledger, window))
    return WindowAnswer(
        begins=to_moment(window.begins),
        ends=to_moment(window.ends),
        texts=texts,
        authors=counts.get(AUTHORS, 0),
        harmful=figures.share(HARMFUL, texts),
        aspects=tuple(
            AspectAnswer(aspect=Aspect(name), **figures.tones(f"aspect:{name}:"))
            for name in figures.named("aspect")
            if name in {*Aspect}
        ),
        topics=tuple(
            TopicAnswer(topic_id=id, words=topics[id], **figures.tones(f"topic:{id}:"))
            for id in figures.named("topic")
            if id in topics
        )[:MOST_TOPICS],
        **figures.tones(""),
    )


def _examples(ledger: Ledger, window: Window) -> dict[str, list[Example]]:
    """Return the examples of a window by slot, the newest first."""
    found: dict[str, list[Example]] = {}
    for voices in ledger.voices.values():
        for slot, examples in voices.examples.items():
            found.setdefault(slot, []).extend(
                each for each in examples if window.begins <= each.at < window.ends
            )
    return {slot: sorted(some, key=lambda each: -each.at) for slot, some in found.items()}


class _Figures:
    """The figures of one window."""

    def __init__(self, counts: Counts, examples: Mapping[str, Sequence[Example]]) -> None:
        self._counts = counts
        self._examples = examples

    def share(self, slot: str, of: int) -> Share:
        """Return a figure with its interval, and the texts behind it."""
        count = min(self._counts.get(slot, 0), of)
        share, low, high = (round(part, 4) for part in share_of(count, of))
        shown = tuple(each.text for each in self._examples.get(slot, ())[:MOST_EXAMPLES])
        return Share(count=count, share=share, low=low, high=high, examples=shown)

    def tones(self, prefix: str) -> dict[str, Share]:
        """Return the figures of the three tones."""
        slots = {tone.value: f"{prefix}{tone}" for tone in Tone}
        texts = sum(self._counts.get(slot, 0) for slot in slots.values())
        return {tone: self.share(slot, texts) for tone, slot in slots.items()}

    def named(self, kind: str) -> Iterable[str]:
        """Return what texts are said to be about, what most are about first."""
        sums: dict[str, int] = {}
        for slot, count in self._counts.items():
            if slot.startswith(f"{kind}:"):
                name = slot.split(":")[1]
                sums[name] = sums.get(name, 0) + count
        return sorted(sums, key=lambda name: (-sums[name], name))
