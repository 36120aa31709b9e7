"""What is tried on every set, and how long each is trained."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from benchmarks.language.sets import CHINESE, FEW, TextSet
from portrait.training.loop.train import Course
from portrait.training.tasks.adapt import Adaptation
from portrait.training.tasks.tower import Regularisation

DISTILLED = 40_000  # texts read in all, where most of them have no label
MOST_TOKENS = {CHINESE: 96, "en": 48}  # 98 % of the messages are shorter


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way to fine-tune."""

    regularisation: Regularisation
    lora_rank: int = 0
    longer: int = 1  # times as many epochs as usual
    named: bool = False  # the labels' names are texts to learn from
    teachers: str = ""  # the recipe whose seeds, together, say what is learned

    @property
    def passes(self) -> float:
        """How many readings of a text a step takes, about."""
        again = 1 + (self.regularisation.r_drop > 0)
        return again * (2.3 if self.regularisation.adversarial else 1)


PLAIN = Regularisation()
FGM = replace(PLAIN, adversarial=0.3)
RECIPES: Mapping[str, Recipe] = {
    "CE": Recipe(PLAIN),
    "FGM": Recipe(FGM),
    "R-Drop": Recipe(replace(PLAIN, r_drop=1.0)),
    "FGM + R-Drop": Recipe(replace(FGM, r_drop=1.0)),
    "FGM + names": Recipe(FGM, named=True),
    "longer": Recipe(PLAIN, longer=2),
    "LoRA": Recipe(PLAIN, lora_rank=16),
    "distilled": Recipe(PLAIN, teachers="CE"),
}


def adaptation(texts: TextSet, recipe: Recipe, seed: int, epochs: int | None) -> Adaptation:
    """Return how to fine-tune on a set."""
    read = len(texts.task.train) + (len(texts.unlabelled) if recipe.teachers else 0)
    is_chinese, has_many = texts.language == CHINESE, read >= FEW
    usual = {(True, True): 2, (True, False): 8, (False, True): 5, (False, False): 12}
    if read > 2 * len(texts.task.train):
        usual |= dict.fromkeys(usual, max(2, min(5, DISTILLED // read)))
    planned = (epochs or usual[is_chinese, has_many]) * recipe.longer
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
