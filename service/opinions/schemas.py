"""What goes out over HTTP about opinions."""

from typing import Annotated

from pydantic import Field

from portrait.opinions.alert import Alert
from portrait.opinions.aspects import Aspect
from portrait.opinions.subject import SubjectKind
from service.fields import Moment, ResponseBody

Texts = Annotated[int, Field(ge=0, examples=[68])]


class Share(ResponseBody):
    """How many of the texts, and between which the share lies 95 times in 100."""

    count: Texts
    share: float = Field(examples=[0.4559])
    low: float = Field(examples=[0.3432])
    high: float = Field(examples=[0.5731])
    examples: tuple[str, ...] = Field(
        description="Some of the texts, redacted; of the last seven days alone.",
        examples=[("The cap leaks.",)],
    )


class Tones(ResponseBody):
    """What texts say."""

    positive: Share
    neutral: Share
    negative: Share


class AspectAnswer(Tones):
    """What texts say of one aspect."""

    aspect: Aspect = Field(examples=["delivery"])


class TopicAnswer(Tones):
    """What texts about one topic say."""

    topic_id: str = Field(description="The same while the topic lives.", examples=["9f86d081"])
    words: str = Field(description="Its heaviest words.", examples=["cap leaks bottle"])


class WindowAnswer(Tones):
    """What was said in one stretch of time."""

    begins: Moment
    ends: Moment
    texts: Texts
    authors: Texts = Field(
        description="Different ones, of those who are named; of more than 256 a day estimated."
    )
    harmful: Share
    aspects: tuple[AspectAnswer, ...]
    topics: tuple[TopicAnswer, ...]


class OpinionAnswer(ResponseBody):
    """What was said of one subject, the newest window first."""

    kind: SubjectKind
    name: str = Field(examples=["1082185"])
    newest: Moment = Field(description="When the newest text was written.")
    windows: tuple[WindowAnswer, ...]
    alerts: tuple[Alert, ...] = Field(description="Of this subject, the newest first.")


class OpinionsAnswer(ResponseBody):
    """What was said, the subject with the newest text first."""

    opinions: tuple[OpinionAnswer, ...]
    next: str | None = Field(
        description="`after` of the next page; null: there is none.", examples=[None]
    )
    alerts: tuple[Alert, ...] = Field(description="Of all subjects, the newest first.")
    hint: str | None = Field(
        description="Where nothing has ever been read: what reads, and how to start it; else null.",
        examples=[None],
    )
