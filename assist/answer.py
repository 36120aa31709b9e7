"""Answer: from a customer's message to what it means, what can be said, and to whom.

message, redacted ─▶ encoded, in its turn ─┬─▶ intent ─▶ reply, filled from facts ─▶ other words?
          customer, read meanwhile ────────┤─▶ passages
                                           └─▶ mood ─▶ offers, a person to take over?
                                      ─▶ kept for a label, if they let it be ─▶ answer
"""

import asyncio
from functools import partial
from typing import NamedTuple

import structlog

from assist.customer import Customer, known_customer, offers_for
from assist.live_desk import LiveDesk
from assist.opened import Likely, Opened, Understood, understood
from assist.schemas import (
    AssistAnswer,
    AssistRequest,
    CustomerAnswer,
    FilledSlot,
    HandOverAnswer,
    LikelyIntent,
    PassageAnswer,
    ReplyAnswer,
)
from portrait import metrics
from portrait.events.consent import Purpose, consent_of
from portrait.helpdesk.desk import Mood
from portrait.helpdesk.hand_over import reasons_for
from portrait.helpdesk.labels import Asked
from portrait.helpdesk.rephrase import Rephraser, RephrasingError, check_rephrased
from portrait.helpdesk.reply import Facts, Filled, Missing, best_reply, facts_of, filled, joined
from portrait.helpdesk.search import CJK
from portrait.model.encoder import TextEncoder
from portrait.model.space import Vectors
from portrait.profiles.record import is_suppressed
from portrait.ref import item_ref, user_ref
from service.live import Live
from service.parts import Parts
from service.profiles.describe import DECIMALS
from service.recommendations.turns import Turns

MOST_PASSAGES = 3
MOST_UNREAD = 0.5  # share of a message that an encoder's vocabulary may lack

log = structlog.get_logger()


class Stand(NamedTuple):
    """What an answer stands on. Lives as long as the app."""

    parts: Parts
    live: Live
    desk: LiveDesk
    rankings: Turns
    readings: Turns  # the one thread that runs the encoder


class Read(NamedTuple):
    """A message, read; None where an encoder's vocabulary lacks most of it."""

    meant: Vectors | None  # (D,) by the reader of intents
    found: Vectors | None  # (D,) by the encoder of passages


async def answer(asked: AssistRequest, stand: Stand) -> AssistAnswer:
    """Answer a message.

    Raises:
        BusyError: Too many ask at once.
        DeskNotReadError: The desk is still being read.
        StoreUnavailableError: Redis does not answer.
    """
    opened, who = stand.desk.require(), asked.profile_id
    read, customer, offers = await asyncio.gather(
        stand.readings.take(partial(_read, opened, asked.message)),
        known_customer(who, stand.parts, stand.live),
        offers_for(who, stand.parts, stand.live, stand.rankings),
    )
    language = asked.language or language_of(asked.message)
    meaning = understood(opened, asked.message, read.meant, stand.desk.corrections)
    mood = customer.mood([*asked.earlier, asked.message])
    facts = known_facts(asked, opened, customer, stand.live)
    reply = best_reply(opened.desk, meaning.intent, language, facts)
    reasons = reasons_for(
        opened.desk.rules.hand_over, asked.message, meaning.intent, meaning.probability, mood
    )
    kept = Asked(
        text=asked.message,
        language=language,
        intent=meaning.intent,
        probability=meaning.probability,
        reply=reply.reply.id if isinstance(reply, Filled) else None,
    )
    assist_id, said = await asyncio.gather(
        _kept(kept, read.meant, who, stand, opened),
        _said(reply, language, mood, None if reasons else stand.desk.rephrase),
    )
    _count(meaning, handed_over=bool(reasons))
    described = customer.described(mood, offers)
    return AssistAnswer(
        assist_id=assist_id,
        language=language,
        intent=_intent_of(meaning, opened),
        do_not_know=meaning.intent is None,
        likely=tuple(likely_intents(meaning.likely, opened)),
        read_by=meaning.by,
        reply=said,
        missing=reply.facts if isinstance(reply, Missing) else (),
        withheld=isinstance(reply, Missing) and reply.withheld is not None,
        passages=tuple(_passages(opened, asked.message, read.found)),
        mood=mood,
        customer=None if described is None else CustomerAnswer.model_validate(described),
        hand_over=HandOverAnswer(yes=bool(reasons), because=tuple(reasons)),
        desk_version=opened.desk.version,
        model_version=None if opened.card is None else opened.card.version,
    )


async def _kept(
    asked: Asked, vector: Vectors | None, who: str | None, stand: Stand, opened: Opened
) -> str | None:
    """Keep a message for a label, unless whose it is lets no model learn, or is forgotten."""
    if who is not None:
        (stored,) = await stand.parts.profiles.load_whole([who])
        if stored.record is not None and is_suppressed(stored.record):
            return None
        if not consent_of(stored.consent, stand.parts.unsaid).allows(Purpose.TRAINING):
            return None
    person = None if who is None else user_ref(who)
    return await stand.desk.labels.keep(asked, opened.reader.name, vector, person)


def language_of(text: str) -> str:
    """Say whether a text is Chinese or else, for a reply."""
    return "zh" if CJK.search(text) else "en"


def likely_intents(likely: Likely, opened: Opened) -> list[LikelyIntent]:
    """Name intents as they are shown."""
    return [
        LikelyIntent(
            intent=intent,
            name=opened.desk.by_id[intent].name,
            probability=round(probability, DECIMALS),
        )
        for intent, probability in likely
    ]


def known_facts(asked: AssistRequest, opened: Opened, customer: Customer, live: Live) -> Facts:
    """Return all that slots may be filled from; what nobody said is not in it."""
    return joined(
        [
            facts_of("order", asked.order),
            facts_of("item", _item_of(asked.item_id, live)),
            facts_of("profile", customer.facts),
            facts_of("constant", opened.desk.constants),
        ]
    )


def _read(opened: Opened, text: str) -> Read:
    """Encode a message. Blocks for milliseconds."""
    found = _vector(opened.encoder, text)
    return Read(found if opened.reader is opened.encoder else _vector(opened.reader, text), found)


def _vector(encoder: TextEncoder, text: str) -> Vectors | None:
    if encoder.unread([text])[0] > MOST_UNREAD:
        return None
    vector: Vectors = encoder.encode([text])[0]
    return vector


def _item_of(item_id: str | None, live: Live) -> dict[str, object]:
    """Return what the catalogue says of an item; nothing of one that it does not have."""
    if item_id is None or live.view is None:
        return {}
    source = live.view.source
    row = source.rows.get(item_ref(item_id))
    if row is None:
        return {}
    item = source.items[row]
    return {name: getattr(item, name) for name in ("id", "title", "category", "brand", "price")}


async def _said(
    reply: Filled | Missing, language: str, mood: Mood, rephrase: Rephraser | None
) -> ReplyAnswer | None:
    """Write a reply, in other words if somebody can say them and they add nothing."""
    if isinstance(reply, Missing):
        return None
    text, rephrased = reply.text, False
    if rephrase is not None:
        other = await _other_words(reply, language, mood, rephrase)
        text, rephrased = (text, False) if other is None else (other, True)
    return ReplyAnswer(
        reply_id=reply.reply.id,
        text=text,
        slots=tuple(
            FilledSlot(slot=each.slot, source=each.source, value=each.value) for each in reply.slots
        ),
        rephrased=rephrased,
    )


async def _other_words(reply: Filled, language: str, mood: Mood, rephrase: Rephraser) -> str | None:
    """Return a reply in other words; None: it goes out as it was written."""
    template = reply.reply.text
    try:
        other = await rephrase(template, language, mood)
        check_rephrased(template, other)
    except RephrasingError as error:
        metrics.rephrasings.labels("refused").inc()
        log.info("rephrasing_refused", reply=reply.reply.id, reason=str(error))
        return None
    again = filled(
        reply.reply.model_copy(update={"text": other}), {s.source: s.value for s in reply.slots}
    )
    metrics.rephrasings.labels("taken" if isinstance(again, Filled) else "refused").inc()
    return again.text if isinstance(again, Filled) else None


def _passages(opened: Opened, text: str, vector: Vectors | None) -> list[PassageAnswer]:
    found = opened.passages.find(text, vector, MOST_PASSAGES)
    shown = [(opened.desk.passages[each.row], each.score) for each in found]
    return [
        PassageAnswer(
            passage_id=passage.id,
            source=passage.source,
            title=passage.title,
            anchor=passage.anchor,
            text=passage.text,
            score=round(score, DECIMALS),
        )
        for passage, score in shown
    ]


def _intent_of(meaning: Understood, opened: Opened) -> LikelyIntent | None:
    if meaning.intent is None:
        return None
    (intent,) = likely_intents(((meaning.intent, meaning.probability),), opened)
    return intent


def _count(meaning: Understood, *, handed_over: bool) -> None:
    understood_as = "unknown" if meaning.intent is None else meaning.by
    metrics.assist_answers.labels(understood_as, "person" if handed_over else "reply").inc()
