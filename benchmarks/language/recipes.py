"""What is tried on every set, and how long each is trained."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from benchmarks.language.sets import CHINESE, FEW, TextSet
from portrait.training.loop.train import Course
from portrait.training.tasks.adapt import Adaptation
from portrait.training.tasks.tower import Regularisation

DISTILLED = 40_000  # texts read in all, where most of them have no label
MOST_TOKENS = {CHINESE: 96, "en": 48}  # 98 % of the messages are shorter
FULL_RATE, LORA_RATE = 6e-5, 5e-4
FGM, R_DROP = 0.3, 1.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way to fine-tune."""

    adversarial: float = 0.0
    r_drop: float = 0.0
    lora_rank: int = 0
    longer: int = 1  # times as many epochs as usual
    named: bool = False  # the labels' names are texts to learn from
    teachers: str = ""  # the recipe whose seeds, together, say what is learned

    @property
    def passes(self) -> float:
        """How many readings of a text a step takes, about."""
        again = 1 + (self.r_drop > 0)
        return again * (2.3 if self.adversarial else 1)


RECIPES: Mapping[str, Recipe] = {
    "CE": Recipe(),
    "FGM": Recipe(FGM),
    "R-Drop": Recipe(r_drop=R_DROP),
    "FGM + R-Drop": Recipe(FGM, R_DROP),
    "FGM + names": Recipe(FGM, named=True),
    "longer": Recipe(longer=2),
    "LoRA": Recipe(lora_rank=16),
    "distilled": Recipe(teachers="CE"),
}


def usual_recipe(texts: TextSet) -> str:
    """Name what validation chose of the plain recipes: docs/experiments.md, 2026-11-27."""
    return "CE" if texts.language == CHINESE else "FGM"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a search may choose."""

    epochs: int
    learning_rate: float
    layer_decay: float = 0.9
    head_share: float = 20.0
    weight_decay: float = 0.01
    dropout: float = 0.1
    adversarial: float = 0.0
    r_drop: float = 0.0
    named: bool = False

    @property
    def recipe(self) -> Recipe:
        """What it is learned from."""
        return Recipe(self.adversarial, self.r_drop, named=self.named)


def settings_of(texts: TextSet, recipe: Recipe) -> Settings:
    """Return the settings of a recipe on a set."""
    read = len(texts.task.train) + (len(texts.unlabelled) if recipe.teachers else 0)
    is_chinese, has_many = texts.language == CHINESE, read >= FEW
    usual = {(True, True): 2, (True, False): 8, (False, True): 5, (False, False): 12}
    if read > 2 * len(texts.task.train):
        usual |= dict.fromkeys(usual, max(2, min(5, DISTILLED // read)))
    return Settings(
        epochs=usual[is_chinese, has_many] * recipe.longer,
        learning_rate=LORA_RATE if recipe.lora_rank else FULL_RATE,
        adversarial=recipe.adversarial,
        r_drop=recipe.r_drop,
        named=recipe.named,
    )


def adaptation_of(texts: TextSet, settings: Settings, seed: int, lora_rank: int = 0) -> Adaptation:
    """Return how to fine-tune on a set by settings."""
    has_many = len(texts.task.train) >= FEW
    return Adaptation(
        course=Course(
            epochs=settings.epochs,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            warm_up=0.1,
            patience=settings.epochs if has_many else -(-settings.epochs // 2),
            seed=seed,
        ),
        regularisation=Regularisation(settings.dropout, settings.r_drop, settings.adversarial),
        batch=32 if has_many else 16,
        most_tokens=MOST_TOKENS[texts.language],
        lora_rank=lora_rank,
        layer_decay=settings.layer_decay,
        head_share=settings.head_share,
    )


def adaptation(texts: TextSet, recipe: Recipe, seed: int, epochs: int | None) -> Adaptation:
    """Return how to fine-tune on a set by a recipe."""
    settings = settings_of(texts, recipe)
    if epochs is not None:
        settings = replace(settings, epochs=epochs * recipe.longer)
    return adaptation_of(texts, settings, seed, recipe.lora_rank)
