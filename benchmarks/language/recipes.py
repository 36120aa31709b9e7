"""What is tried on every set, and how long each is trained."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from benchmarks.language.sets import CHINESE, TextSet
from portrait.training.loop.train import Course
from portrait.training.tasks.adapt import Adaptation
from portrait.training.tasks.tower import Regularisation

MANY = 2_000  # labels, from which on a few epochs are enough
MOST_TOKENS = {CHINESE: 96, "en": 48}  # 98 % of the messages are shorter


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way to fine-tune."""

    regularisation: Regularisation
    lora_rank: int = 0

    @property
    def passes(self) -> float:
        """How many readings of a text a step takes, about."""
        again = 1 + (self.regularisation.r_drop > 0)
        return again * (2.3 if self.regularisation.adversarial else 1)


PLAIN = Regularisation()
RECIPES: Mapping[str, Recipe] = {
    "CE": Recipe(PLAIN),
    "FGM": Recipe(replace(PLAIN, adversarial=0.3)),
    "R-Drop": Recipe(replace(PLAIN, r_drop=1.0)),
    "FGM + R-Drop": Recipe(replace(PLAIN, adversarial=0.3, r_drop=1.0)),
    "LoRA": Recipe(PLAIN, lora_rank=16),
}


def adaptation(texts: TextSet, recipe: Recipe, seed: int, epochs: int | None) -> Adaptation:
    """Return how to fine-tune on a set."""
    is_chinese, has_many = texts.language == CHINESE, len(texts.task.train) >= MANY
    usual = {(True, True): 2, (True, False): 8, (False, True): 5, (False, False): 12}
    planned = epochs or usual[is_chinese, has_many]
    course = Course(
        epochs=planned,
        learning_rate=6e-5 if not recipe.lora_rank else 5e-4,
        warm_up=0.1,
        patience=planned if has_many else -(-planned // 2),
        seed=seed,
    )
    return Adaptation(
        course=course,
        regularisation=recipe.regularisation,
        batch=32 if has_many else 16,
        most_tokens=MOST_TOKENS[texts.language],
        lora_rank=recipe.lora_rank,
        layer_decay=0.9,
    )
