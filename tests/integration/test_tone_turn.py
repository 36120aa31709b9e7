"""The whole way of a reader: archive, training, verdict, promotion, and who serves loads it."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from portrait.events.tone import Tone
from portrait.lifecycle.registry import has_reader
from portrait.text.text_encoder import load_encoder, name_of
from portrait.training.tasks.fit_tone import ToneTraining
from tests.integration.test_training_turn import Trainer
from tests.support.planted_reviews import HOW, keep_reviews, written
from tests.support.tiny_bert import write_tiny_bert
from tests.support.training_shop import keep, season
from tests.unit.test_learner import PRETRAINED
from workers.encoders import Encoders, Sources

pytestmark = pytest.mark.asyncio


async def promoted(folder: Path, reviews: int) -> tuple[Trainer, Encoders, str]:
    """Train on a season and so many reviews; return who serves now."""
    trainer = Trainer(folder)
    base = write_tiny_bert(folder / "tiny")
    trainer.plan = replace(trainer.plan, tone=ToneTraining(base, how=HOW))
    await trainer.open()
    keep(trainer.archive, season(0))
    keep_reviews(trainer.archive, *written(reviews, 0))
    job = await trainer.turn()
    assert job is not None
    assert job.state == "promoted", job.outcome
    champion = await trainer.registry.champion()
    assert champion is not None
    load = partial(load_encoder, backend="torch")
    sources = Sources("nowhere", load, name_of)
    return trainer, Encoders(sources, trainer.registry, folder / "cache"), champion.version


async def test_a_reader_that_reads_better_serves_with_its_model_until_that_is_rolled_back(
    tmp_path: Path,
) -> None:
    trainer, encoders, version = await promoted(tmp_path, 900)

    card = (await trainer.registry.entry(version)).card
    assert has_reader(card)
    assert card.verdict is not None
    line = next(check for check in card.verdict.checks if check.name == "reviews")
    assert line.reason.startswith("Reviews are read by a BERT that learned from the shop's own: Fi")
    reader = await encoders.reader_of(version)
    assert reader is not None
    texts, stars = written(200, 9)
    right = np.array([Tone.POSITIVE if each > 3 else Tone.NEGATIVE for each in stars])
    assert (np.array(reader(texts)) == right).mean() > 0.9

    await trainer.registry.roll_back("a test")
    assert await encoders.reader_of(PRETRAINED.version) is None


async def test_with_few_reviews_words_stay_and_the_verdict_says_why(tmp_path: Path) -> None:
    trainer, encoders, version = await promoted(tmp_path, 60)

    card = (await trainer.registry.entry(version)).card
    assert card.verdict is not None
    (reason,) = (check.reason for check in card.verdict.checks if check.name == "reviews")
    assert reason == (
        "Reviews are read by words, as before: There are 60 reviews with stars of 300 needed."
    )
    assert await encoders.reader_of(version) is None
