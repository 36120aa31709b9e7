"""Fine-tuning the text encoder on what shoppers do.

pairs ─▶ batches ─▶ encode both sides ─▶ InfoNCE ─▶ train ─▶ better on validation? ─▶ a new folder

The gate is the rule, not the exception: on a CPU with small batches fine-tuning gains 2 to 3 % for
text alone and nothing measurable in the blend (docs/experiments.md), and a few steps too many make
it worse. Then the encoder stays as it was.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from portrait.arrays import Codes
from portrait.dataset.pairs import Pairs, draw_batches
from portrait.errors import PortraitError
from portrait.model.space import Vectors, unit
from portrait.text.batching import token_batches
from portrait.text.encoder_folder import identify
from portrait.text.text_encoder import Pooled, Tokenize, load_pooled, load_tokenize
from portrait.tracker import Tracker
from portrait.training.loop.train import Course, Outcome, has_bfloat16, train
from portrait.training.text.contrastive import info_nce
from portrait.training.text.lora import adapted, save_encoder

Encode = Callable[[Sequence[str]], Vectors]  # B texts -> (B, D), unit rows
Validate = Callable[[Encode], Mapping[str, float]]  # the first figure decides; higher is better

TEXT_COURSE = Course(epochs=6, learning_rate=5e-5, warm_up=0.1, patience=2)


class PairsTooFewError(PortraitError):
    """There is too little behaviour to learn from: use smaller batches, or wait for more."""


@dataclass(frozen=True, slots=True)
class FineTuning:
    """How to fine-tune a text encoder."""

    course: Course = TEXT_COURSE
    batch: int = 64  # pairs; more are better: 1,024 on a GPU
    steps: int = 60  # batches between two looks at the validation figure
    temperature: float = 0.05
    most_tokens: int = 64  # of a text; more cost time and tell little
    lora_rank: int = 0  # 8 to 16 trains 1 to 2 % of the weights; 0 trains all of them
    forward_tokens: int = 2_048  # of one pass: larger ones leave the CPU's cache


@dataclass(frozen=True, slots=True)
class Report:
    """What a fine-tuning came to."""

    kept: bool  # better than before: there is a new folder
    before: Mapping[str, float]
    after: Mapping[str, float]
    outcome: Outcome
    encoder: str = ""  # name of the new encoder, if kept
    pairs: int = 0
    trained_weights: int = 0


@dataclass(frozen=True, slots=True)
class PairBatch:
    """B pairs; processes that share a batch contrast each its own part."""

    left: Codes  # (B,), of the texts
    right: Codes  # (B,)

    @property
    def examples(self) -> int:
        """How many pairs it holds."""
        return len(self.left)

    def part(self, place: int, of: int) -> Self:
        """Return what process `place` of `of` takes."""
        return type(self)(self.left[place::of], self.right[place::of])


class TextTower(nn.Module):
    """A text encoder that learns: pairs in, loss out."""

    def __init__(self, pooled: Pooled, tokenize: Tokenize, pairs: Pairs, how: FineTuning) -> None:
        super().__init__()
        self.pooled = pooled
        self.tokenize = tokenize
        self.pairs = pairs
        self.how = how
        self.tokens = tokenize(pairs.texts)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the tokenizer out: others who learn the same read no other texts."""
        return {**self.__dict__, "tokenize": None}

    def forward(self, batch: PairBatch) -> Tensor:
        """Sum the loss of a batch's pairs."""
        embedded = self.embed(
            [self.tokens[text] for text in (*batch.left.tolist(), *batch.right.tolist())]
        )
        known = torch.from_numpy(self.pairs.are_known(batch.left, batch.right))
        left, right = embedded.chunk(2)
        return info_nce(left, right, known.to(left.device), self.how.temperature)

    def embed(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        """Encode B texts given as token ids to unit rows (B, D), float32, with gradients."""
        device = self.pooled.model.device
        batches = list(token_batches(tokens, self.how.forward_tokens))
        pooled = [
            self.pooled(
                torch.from_numpy(batch.ids).to(device), torch.from_numpy(batch.mask).to(device)
            )
            for batch in batches
        ]
        order = np.argsort(np.concatenate([batch.places for batch in batches]))
        rows: Tensor = torch.cat(pooled)[torch.from_numpy(order).to(device)]
        return normalize(rows.float(), dim=1)

    @torch.no_grad()
    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts as the trained encoder will, (B, D)."""
        tokens = self.tokenize(texts)
        device = self.pooled.model.device
        enabled = self.how.course.mixed_precision and has_bfloat16(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=enabled):
            embedded = self.embed(tokens)
        return unit(embedded.cpu().numpy())


@dataclass(slots=True)
class TextLesson:
    """What the training loop asks for: the encoder, the batches and the validation figure."""

    tower: TextTower
    measure: Validate
    seed: int
    drawn: dict[int, list[PairBatch]] = field(default_factory=dict)

    @property
    def module(self) -> nn.Module:
        """What learns."""
        return self.tower

    def batches(self, epoch: int) -> Sequence[PairBatch]:
        """Return an epoch's batches."""
        if epoch not in self.drawn:
            pairs = self.tower.pairs
            self.drawn = {
                epoch: [PairBatch(pairs.left[at], pairs.right[at]) for at in self._draw(epoch)]
            }
        return self.drawn[epoch]

    def _draw(self, epoch: int) -> list[Codes]:
        """Draw as many batches as an epoch has; few pairs come more than once."""
        how = self.tower.how
        drawn: list[Codes] = []
        while len(drawn) < how.steps:
            seed = [self.seed, epoch, len(drawn)]
            more = draw_batches(self.tower.pairs, how.batch, how.steps - len(drawn), seed)
            if not more:
                msg = f"{len(self.tower.pairs)} pairs do not make one batch of {how.batch}"
                raise PairsTooFewError(msg)
            drawn += more
        return drawn

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out what measures: others who learn the same ask for no figures."""
        return type(self), (self.tower, None, self.seed)

    def validate(self) -> Mapping[str, float]:
        """Measure the encoder as it is now."""
        self.tower.eval()
        return self.measure(self.tower.encode)


def fine_tune(  # noqa: PLR0913 - the brief of a training
    encoder: Path,
    pairs: Pairs,
    out: Path,
    how: FineTuning,
    *,
    validate: Validate,
    tracker: Tracker | None = None,
    checkpoint: Path | None = None,
) -> Report:
    """Fine-tune an encoder's folder into a new one, if that is better on validation.

    Args:
        encoder: Folder of the encoder to begin from.
        pairs: Of the training events.
        out: Folder of the new encoder; not written when the gate refuses.
        how: The settings.
        validate: Measures an encoding on held-out behaviour.
        tracker: Where the curves go.
        checkpoint: A file; if it is there, training goes on from it.
    """
    torch.manual_seed(how.course.seed)  # LoRA's first matrices
    pooled = load_pooled(str(encoder))
    if how.lora_rank:
        pooled.model = adapted(pooled.model, how.lora_rank)
    tower = TextTower(pooled, load_tokenize(str(encoder), how.most_tokens), pairs, how)
    lesson = TextLesson(tower, validate, how.course.seed)
    before = lesson.validate()
    outcome = train(lesson, how.course, tracker=tracker, checkpoint=checkpoint)
    after = outcome.figures
    kept = next(iter(after.values())) > next(iter(before.values()))
    if kept:
        save_encoder(pooled, encoder, out)
    return Report(
        kept=kept,
        before=before,
        after=after,
        outcome=outcome,
        encoder=identify(out) if kept else "",
        pairs=len(pairs),
        trained_weights=sum(p.numel() for p in tower.parameters() if p.requires_grad),
    )
