"""The learner: a challenger out of the archive, and its exam beside the champion.

archive ─▶ material ─▶ texts placed ─▶ ranker, from the champion ─▶ heads ─▶ artifact, published
material ─▶ exam ─▶ champion, challenger, the texts alone ─▶ Trial

All that is drawn or read is written into a folder of the version, so that a training killed
anywhere goes on and ends with the same weights.
"""

import json
import shutil
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import fsspec
import torch

from portrait.archive.archive import Archive
from portrait.dataset.stock import Stock
from portrait.evaluation.lists_told import lists_told
from portrait.evaluation.trial import DEFAULTS, HeadFigures, Thresholds
from portrait.lifecycle.artifact import (
    MANIFEST,
    manifest_digest,
    publish,
    read_learned,
    read_manifest,
    read_space,
    verify,
    write_artifact,
)
from portrait.lifecycle.learner import BothFigures, Grounds, NothingToLearnError, Progress, Trained
from portrait.lifecycle.manifest import (
    LISTS,
    ArtifactInvalidError,
    Manifest,
    Window,
    parse_manifest,
)
from portrait.lifecycle.manifest import PLACE as READ_PLACE
from portrait.lifecycle.manifest import TONE as READ_TONE
from portrait.lifecycle.registry import Card
from portrait.model.behaviour import Behaviour
from portrait.model.encoder import TextEncoder
from portrait.model.learned import Learned
from portrait.model.model import Model
from portrait.monitoring.readings import REFERENCES, references_of
from portrait.text.text_encoder import path_of
from portrait.times import to_moment
from portrait.tracker import Later
from portrait.training.context import Context, Reader
from portrait.training.examiner import (
    Examined,
    asked_in,
    burst_figures,
    drawn_in,
    exam_of,
    figures_told,
    measured,
    ranker_of,
)
from portrait.training.heads.challenger_heads import (
    ChallengerHeads,
    PlacedModel,
    fit_challenger_heads,
)
from portrait.training.loop.train import Course
from portrait.training.material import (
    Material,
    MaterialOutdatedError,
    Shares,
    gather,
    load,
    save,
)
from portrait.training.ranker.behaviour_encoder import EncoderShape
from portrait.training.ranker.fit_orders import fit_orders
from portrait.training.ranker.fit_ranker import FittedRanker, RankerCourse, fit_ranker, refit_ranker
from portrait.training.ranker.judge_repeats import learn_repeats
from portrait.training.tasks.again import READERS
from portrait.training.tasks.fit_place import PLACE_OUTCOME, PlaceTraining, fit_place
from portrait.training.tasks.fit_tone import TONE_OUTCOME, ToneTraining, fit_tone
from portrait.training.text.retext import Retext, kept_folder, retext, told_of

MATERIAL, HEADS, GROUND = "material.npz", "heads.json", "ground.txt"  # in the version's folder
CHAMPION, CHALLENGER = "champion", "challenger"
DIM = 128  # of states and items: a record of 64 events stays below 4 KB
UNFINISHED = timedelta(days=7)  # of a training that nobody ends: it holds users' events
AGAIN = Course(epochs=4, patience=2)  # from a champion
T = TypeVar(
    "T", Retext, ToneTraining, PlaceTraining
)  # what is learned from the encoder of what serves
STAGES = (
    ARCHIVE := "reading the archive",
    TEXT := "fine-tuning the text encoder",
    TONE := "fine-tuning what reads reviews",
    PLACE := "fine-tuning what reads categories",
    TEXTS := "reading texts",
    TRAINING := "training",
    TRAINING_AGAIN := "training on the newest events, too",
    HEADS_TRAINED := "training heads",
    MEASURING_OURS := "measuring the challenger",
    PUBLISHING := "publishing",
    MEASURING := "measuring",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train."""

    folder: Path  # where unfinished trainings are kept; it should outlive the process
    models_url: str  # where artifacts go: any fsspec URL
    threads: int = 1
    seed: int = 0
    shares: Shares = field(default_factory=Shares)
    course: RankerCourse = field(default_factory=lambda: RankerCourse(EncoderShape(DIM)))
    again: Course = AGAIN
    with_heads: bool = True
    text: Retext | None = None  # None: the encoder stays as it is
    tone: ToneTraining | None = None  # None: reviews are read by words
    place: PlaceTraining | None = None  # None: what lacks a category stays without one
    git_commit: str = ""
    thresholds: Thresholds = DEFAULTS


class ArchiveLearner:
    """A `Learner` out of the archive and the catalogue."""

    def __init__(
        self,
        archive: Archive,
        stock: Stock,
        encoder: TextEncoder | None,
        plan: Plan,
        *,
        grounds: Grounds | None = None,
    ) -> None:
        """Connect it.

        Args:
            archive: Where events are.
            stock: Where items are.
            encoder: Of models upon it, and where there is no model yet.
            plan: How to train.
            grounds: What else a training may stand on.
        """
        self._archive = archive
        self._stock = stock
        self._plan = plan
        self._grounds = grounds
        self._reader = Reader(stock, encoder, grounds, plan.threads)

    @property
    def outline(self) -> tuple[str, ...]:
        """The stages of a training as the plan has it; see `Learner`."""
        left_out = {TEXT} if self._plan.text is None else set()
        if self._plan.tone is None:
            left_out.add(TONE)
        if self._plan.place is None:
            left_out.add(PLACE)
        if not self._plan.with_heads:
            left_out.add(HEADS_TRAINED)
        return tuple(stage for stage in STAGES if stage not in left_out)

    def learn(self, version: str, champion: Model | None, progress: Progress) -> Trained:
        """Train a model of this version, beginning from the champion; see `Learner`."""
        torch.set_num_threads(self._plan.threads)
        basis = self._basis()
        folder = self._folder(version, basis or champion)
        material = self._material(folder, champion, progress)
        if self._plan.text is not None:
            progress.stage(TEXT)
            asked = self._from_ground(self._plan.text, basis or champion)
            retext(folder, material, asked, progress)
        if self._plan.tone is not None:
            progress.stage(TONE)
            reader = self._from_ground(self._plan.tone, basis or champion)
            fit_tone(folder, self._archive, reader, self._plan.seed, progress)
        if self._plan.place is not None:
            progress.stage(PLACE)
            shelver = self._from_ground(self._plan.place, basis or champion)
            fit_place(folder, self._stock.items(), shelver, self._plan.seed, progress)
        progress.stage(TEXTS)
        bench = self._reader.bench(folder, champion, material, progress, basis)
        artifact = folder / version
        if not _is_whole(artifact):
            self._make(bench, artifact, progress)
        progress.stage(PUBLISHING)
        url = f"{self._plan.models_url.rstrip('/')}/{version}"
        publish(artifact, url)
        learned = Learned.from_arrays(read_learned(artifact))
        model = Model(version, read_space(artifact), learned)
        return Trained(model, read_manifest(artifact), url, manifest_digest(artifact))

    def examine(self, trained: Trained, champion: Model | None, progress: Progress) -> BothFigures:
        """Measure champion, challenger and the texts alone in one run; see `Learner`."""
        torch.set_num_threads(self._plan.threads)
        progress.stage(MEASURING)
        folder = self._plan.folder / trained.model.version
        material = load(folder / MATERIAL)
        basis = self._basis()
        if basis is not None and basis.space.id != trained.model.space.id:
            basis = None  # it was named while this one was trained
        bench = self._reader.bench(folder, champion, material, progress, basis)
        if bench.space.id != trained.model.space.id:
            msg = "The encoder was changed during the training: ask for another one."
            raise NothingToLearnError(msg)
        exam, asked = exam_of(bench.material), asked_in(bench.material)
        drawn = drawn_in(bench.material, self._archive)
        heads = _read_heads(folder)
        ours = bench.ours(trained.model.learned, heads[CHALLENGER])
        known = self._reader.misread(bench, exam, bench.encoder)
        challenger = measured(exam, asked, ours, known, drawn)
        untaught = replace(ours, version="texts", learned=None, heads={})
        baseline = measured(exam, asked, untaught, known, drawn)
        if champion is None:
            return BothFigures(baseline, challenger, baseline)
        theirs = Examined(
            champion.version,
            champion.space,
            champion.learned,
            bench.their_texts,
            heads[CHAMPION],
            material.traits,
        )
        known = self._reader.misread(bench, exam, bench.their_encoder)
        return BothFigures(measured(exam, asked, theirs, known, drawn), challenger, baseline)

    def tidy(self, version: str | None) -> int:
        """Remove folders of trainings that have ended or know too much; see `Learner`."""
        if not self._plan.folder.is_dir():
            return 0
        gone = [
            folder
            for folder in self._plan.folder.iterdir()
            if folder.name != READERS
            and (folder.name != version or self._is_stale(folder / MATERIAL))
        ]
        for folder in gone:
            shutil.rmtree(folder, ignore_errors=True)
        return len(gone)

    def _is_stale(self, material: Path) -> bool:
        """Say whether users' events were written down long ago, or of somebody erased since."""
        if not material.exists():
            return False
        if time.time() - material.stat().st_mtime > UNFINISHED.total_seconds():
            return True
        return self._kept(material) is None

    def _kept(self, path: Path) -> Material | None:
        """Read what was gathered; None if it is not to be learned from any more."""
        try:
            material = load(path)
        except MaterialOutdatedError:
            return None
        return None if material.holds_any(self._archive.erasures()) else material

    def _basis(self) -> Model | None:
        return None if self._grounds is None else self._grounds.basis()

    def _card(self, ground: Model | None) -> Card | None:
        """Return what is told of the model that a training stands on."""
        return None if ground is None or self._grounds is None else self._grounds.card_of(ground)

    def _from_ground(self, asked: T, ground: Model | None) -> T:
        """Fine-tune from the pretrained encoder of what serves, wherever the setting points."""
        card = self._card(ground)
        source = None if card is None else card.encoder_source
        return asked if source is None else replace(asked, base=Path(path_of(source)))

    def _folder(self, version: str, ground: Model | None) -> Path:
        """Make the version's folder, and remove those of other trainings.

        What a killed one began on another ground cannot be gone on with on this one.
        """
        space = "" if ground is None else ground.space.id
        self._plan.folder.mkdir(parents=True, exist_ok=True)
        for other in self._plan.folder.iterdir():
            if other.name not in {version, READERS}:
                shutil.rmtree(other, ignore_errors=True)
        folder = self._plan.folder / version
        stood_on = folder / GROUND
        if folder.exists() and not (stood_on.exists() and stood_on.read_text() == space):
            shutil.rmtree(folder)
        folder.mkdir(exist_ok=True)
        stood_on.write_text(space)
        return folder

    def _material(self, folder: Path, champion: Model | None, progress: Progress) -> Material:
        """Read what is learned from, unless a training that was killed has read it.

        Whoever was erased meanwhile must not be learned from: then everything is read again.
        """
        progress.stage(ARCHIVE)
        path = folder / MATERIAL
        if path.exists():
            kept = self._kept(path)
            if kept is not None:
                return kept
            shutil.rmtree(folder)
        url = self._plan.models_url
        manifest = None if champion is None else manifest_at(url, champion.version)
        window = None if manifest is None else manifest.trained_on
        items = self._stock.items()
        new_from = None if window is None else window.until
        material = gather(self._archive, items, new_from, self._plan.shares)
        save(path, material)
        return material

    def _make(self, bench: Context, artifact: Path, progress: Progress) -> None:
        """Train, measure, and write it all down."""
        material = self.lessons(bench)
        fitted, ranked = self._fit(bench, material, progress)
        refitted = self._heads(bench, material, ranked, progress)
        again = learn_repeats(material.counted_again, material.events, material.test_from)
        orders = fit_orders(material.counted_again, ranked.neighbours.refs)
        learned = replace(ranked, heads=refitted.heads, repeats=again.served, orders=orders)
        _write_heads(bench.folder, refitted)
        progress.stage(MEASURING_OURS)
        exam = exam_of(bench.material)
        model = bench.ours(learned, refitted.challenger)
        known = self._reader.misread(bench, exam, bench.encoder)
        figures = measured(exam, asked_in(bench.material), model, known)
        metrics = {
            "validation": dict(fitted.figures),
            "training": {"epochs": fitted.outcome.epochs, "steps": fitted.outcome.steps},
            **figures_told(exam, figures),
            "burst": burst_figures(exam, model),
            "heads_served": refitted.reasons,
            "repeats": again.told,
            "orders": {"pairs": 0 if orders is None else len(orders.others)},
            LISTS: lists_told(material.learned_again, material.examined),
            "text": told_of(bench.folder),
            READ_TONE: TONE_OUTCOME.told(bench.folder),
            READ_PLACE: PLACE_OUTCOME.told(bench.folder),
            REFERENCES: references_of(ranker_of(exam, model), bench.material.events),
        }
        manifest = self._manifest(bench, metrics)
        write_artifact(
            artifact,
            manifest,
            space=bench.space,
            learned=learned.to_arrays(),
            encoder=kept_folder(bench.folder),
            reader=TONE_OUTCOME.kept(bench.folder),
            places=PLACE_OUTCOME.kept(bench.folder),
        )

    def lessons(self, context: Context) -> Material:
        """Return what the challenger learns from; a rehearsal may give it something else."""
        return context.material

    def _fit(
        self, bench: Context, material: Material, progress: Progress
    ) -> tuple[FittedRanker, Learned]:
        """Train the ranker, from the champion if it is of the same shape and space.

        Twice: to make choices on the newest events, and by these choices on the newest, too.
        """
        progress.stage(TRAINING)
        plan, champion = self._plan, bench.taught
        if champion is not None and not _fits(champion.behaviour, plan.course.shape):
            champion = None
        course = plan.course.course if champion is None else plan.again
        ranker_course = replace(plan.course, course=replace(course, seed=plan.seed))
        counted, again = material.counted, material.counted_again
        fitted = fit_ranker(
            counted if champion is None else material.learned,
            material.validation,
            bench.texts,
            ranker_course,
            counted=counted,
            traits=material.traits,
            examined=material.examined,
            champion=champion,
            tracker=progress,
            checkpoint=bench.folder / "ranker.pt",
        )
        progress.stage(TRAINING_AGAIN)
        refitted = refit_ranker(
            fitted,
            again if champion is None else material.learned_again,
            bench.texts,
            ranker_course,
            counted=again,
            examined=material.examined,
            champion=champion,
            tracker=Later(progress, fitted.outcome.steps),
            checkpoint=bench.folder / "ranker-again.pt",
        )
        return fitted, refitted

    def _heads(
        self, bench: Context, material: Material, learned: Learned, progress: Progress
    ) -> ChallengerHeads:
        if not self._plan.with_heads:
            return ChallengerHeads(None, {}, {}, {})
        progress.stage(HEADS_TRAINED)
        champion = None if bench.champion is None else bench.champion.learned
        refitted = fit_challenger_heads(
            material,
            PlacedModel(learned, bench.texts),
            None if champion is None else PlacedModel(champion, bench.their_texts),
            most_ece=self._plan.thresholds.head_ece,
            tracker=progress,
        )
        torch.set_num_threads(self._plan.threads)  # they are trained on one
        return refitted

    def _manifest(self, bench: Context, metrics: dict[str, Any]) -> Manifest:
        material, told, ground = bench.material, bench.material.told, self._card(bench.ground)
        erased = None
        if told.erased_users:
            erased = Window(
                since=to_moment(told.erased_since), until=to_moment(told.erased_until + 1)
            )
        return Manifest(
            version=bench.folder.name,
            parent=None if bench.champion is None else bench.champion.version,
            created_at=to_moment(told.gathered_at),
            trained_on=Window(since=to_moment(material.begin), until=to_moment(material.test_from)),
            offsets=told.offsets,
            rows=material.rows,
            erased_users=told.erased_users,
            erased_within=erased,
            metrics=metrics,
            thresholds=dict(self._plan.thresholds.as_figures()),
            git_commit=self._plan.git_commit,
            seeds=(self._plan.seed,),
            encoder=bench.space.encoder,
            base_encoder=None if ground is None else ground.stands_on,
            encoder_source=None if ground is None else ground.encoder_source,
            space_id=bench.space.id,
        )


def _fits(behaviour: Behaviour, shape: EncoderShape) -> bool:
    """Say whether a training of this shape can go on from a model."""
    return (behaviour.dim, len(behaviour.decay)) == (shape.dim, shape.heads)


def manifest_at(models_url: str, version: str) -> Manifest | None:
    """Return the manifest of a published model; the first model has none."""
    files, root = fsspec.core.url_to_fs(f"{models_url.rstrip('/')}/{version}")
    try:
        return parse_manifest(files.cat_file(f"{root}/{MANIFEST}"))
    except FileNotFoundError:
        return None


def _is_whole(artifact: Path) -> bool:
    try:
        verify(artifact)
    except ArtifactInvalidError:
        return False
    return True


def _write_heads(folder: Path, refitted: ChallengerHeads) -> None:
    figures = {CHAMPION: refitted.champion, CHALLENGER: refitted.challenger}
    (folder / HEADS).write_text(json.dumps(figures))


def _read_heads(folder: Path) -> dict[str, dict[str, HeadFigures]]:
    figures = json.loads((folder / HEADS).read_text())
    return {
        who: {name: HeadFigures(*each) for name, each in heads.items()}
        for who, heads in figures.items()
    }
