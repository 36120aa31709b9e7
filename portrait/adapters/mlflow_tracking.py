"""Tracking with MLflow: a SQLite file and a folder by default, a server by URL.

Only the trainer imports this: MLflow takes seconds and a hundred megabytes to import.
"""

import re
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.entities.model_registry import ModelVersion
from mlflow.environment_variables import (
    MLFLOW_DISABLE_TELEMETRY,
    MLFLOW_HTTP_REQUEST_MAX_RETRIES,
)
from mlflow.exceptions import MlflowException
from mlflow.telemetry import set_telemetry_client
from sqlalchemy.exc import SQLAlchemyError

from portrait.lifecycle.registry import Card
from portrait.lifecycle.tracking import Alias, TrackingUnavailableError
from portrait.shops.name import prefix_of
from portrait.tracker import Curves

NAME = "portrait"  # of the experiment and of the registered model; a shop's begin with its name
JOB = "portrait.job"
EXISTS, ABSENT = "RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST"
ALIASES: tuple[Alias, ...] = ("champion", "challenger")
RETRIES = 2  # of a request to a server: a training must not wait minutes for each figure
SEND_EVERY = 1.0  # seconds
MOST_POINTS = 500  # of one request; MLflow takes 1,000
LONGEST_TAG = 4_000  # characters; MLflow takes 5,000


def local_tracking(folder: Path, shop: str | None = None) -> "MlflowTracking":
    """Keep runs and models in a folder: `mlflow.db` and `artifacts`."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder.resolve()
    return MlflowTracking(f"sqlite:///{place / 'mlflow.db'}", (place / "artifacts").as_uri(), shop)


class MlflowTracking:
    """A `Tracking` over one MLflow store. Tells nobody but that store anything."""

    def __init__(self, uri: str, artifacts: str | None = None, shop: str | None = None) -> None:
        self._name = prefix_of(shop) + NAME
        MLFLOW_DISABLE_TELEMETRY.set(True)  # it would call home
        set_telemetry_client()
        if not MLFLOW_HTTP_REQUEST_MAX_RETRIES.is_set():
            MLFLOW_HTTP_REQUEST_MAX_RETRIES.set(RETRIES)
        with _translated(), warnings.catch_warnings():
            # SQLAlchemy 2.1 deprecates what MLflow 3.17 maps its tables with
            warnings.filterwarnings("ignore", message="The ``noload`` loader strategy")
            self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            self._experiment = self._find_experiment(artifacts)
            self._find_model()

    @contextmanager
    def run(self, job: str, settings: Mapping[str, str | int | float]) -> Iterator[Curves]:
        """Record a training: it finishes, or fails if the work raises."""
        with _translated():
            id = self._run_of(job) or self._start(job, settings)
            self._client.update_run(id, status="RUNNING")
        status, tracker = "FAILED", MlflowTracker(self._client, id)
        try:
            yield tracker
            status = "FINISHED"
        finally:
            tracker.send()
            with _translated():
                self._client.set_terminated(id, status)

    def register(self, card: Card, job: str | None = None) -> None:
        """Enter a model; its figures become tags of its entry and metrics of its run."""
        with _translated():
            run = None if job is None else self._run_of(job)
            entry = self._entry(card.version)
            if entry is None:
                entry = self._client.create_model_version(
                    self._name,
                    source=card.artifact or f"redis:model:{card.version}",
                    run_id=run,
                    tags={"version": card.version},
                )
            for tag, value in _tags(card).items():
                self._client.set_model_version_tag(self._name, entry.version, tag, value)
            if run is not None:
                tracker = MlflowTracker(self._client, run)
                tracker.record(0, _figures(card))
                tracker.send()

    def call(self, version: str, alias: Alias | None) -> None:
        """Move an alias, or take them all away."""
        with _translated():
            entry = self._entry(version)
            if entry is None:
                msg = f"{version} is not registered."
                raise TrackingUnavailableError(msg)
            if alias is not None:
                self._client.set_registered_model_alias(self._name, alias, entry.version)
                return
            for each in ALIASES:
                if self.called(each) == version:
                    self._client.delete_registered_model_alias(self._name, each)

    def called(self, alias: Alias) -> str | None:
        """Return who has the alias."""
        with _translated():
            try:
                entry = self._client.get_model_version_by_alias(self._name, alias)
            except MlflowException as error:
                if error.error_code in {ABSENT, "INVALID_PARAMETER_VALUE"}:
                    return None
                raise
        return str(entry.tags["version"])

    def _find_experiment(self, artifacts: str | None) -> str:
        found = self._client.get_experiment_by_name(self._name)
        if found is not None:
            return str(found.experiment_id)
        return str(self._client.create_experiment(self._name, artifact_location=artifacts))

    def _find_model(self) -> None:
        try:
            self._client.create_registered_model(self._name)
        except MlflowException as error:
            if error.error_code != EXISTS:
                raise

    def _run_of(self, job: str) -> str | None:
        found = self._client.search_runs([self._experiment], f"tags.`{JOB}` = '{job}'")
        return str(found[0].info.run_id) if found else None

    def _start(self, job: str, settings: Mapping[str, str | int | float]) -> str:
        run = self._client.create_run(self._experiment, run_name=job)
        self._client.log_batch(
            run.info.run_id,
            params=[Param(key, str(value)) for key, value in settings.items()],
            tags=[RunTag(JOB, job)],
        )
        return str(run.info.run_id)

    def _entry(self, version: str) -> ModelVersion | None:
        found = self._client.search_model_versions(
            f"name='{self._name}' and tags.version='{version}'"
        )
        return found[0] if found else None


class MlflowTracker:
    """The `Curves` of one run. Sends points once a second, not at every step of a training."""

    def __init__(self, client: MlflowClient, run: str) -> None:
        self._client = client
        self._run = run
        self._points: list[Metric] = []
        self._sent = 0.0

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        """Add a point to each curve."""
        now = int(time.time() * 1_000)
        self._points += [Metric(_named(name), value, now, step) for name, value in figures.items()]
        if time.monotonic() - self._sent > SEND_EVERY or len(self._points) > MOST_POINTS:
            self.send()

    def send(self) -> None:
        """Send what has gathered. What could not be sent is not sent again."""
        points, self._points = self._points, []
        self._sent = time.monotonic()
        with _translated():
            for start in range(0, len(points), MOST_POINTS):
                self._client.log_batch(self._run, metrics=points[start : start + MOST_POINTS])


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise TrackingUnavailableError(str(error)) from error


def _tags(card: Card) -> dict[str, str]:
    tags = {
        "space_id": card.space_id,
        "encoder": card.encoder,
        "parent": card.parent or "",
        "digest": card.digest or "",
        "git_commit": card.git_commit,
        "erased_users": str(card.erased_users),
    }
    if card.trained_on is not None:
        tags["trained_since"] = card.trained_on.since.isoformat()
        tags["trained_until"] = card.trained_on.until.isoformat()
    if card.verdict is not None:
        tags["verdict"] = "promote" if card.verdict.promote else "refuse"
        tags["reason"] = card.verdict.reason[:LONGEST_TAG]
        for check in card.verdict.checks:
            mark = "" if check.passed else " FAILED"
            tags[_named(check.name)] = f"{check.champion} to {check.challenger}{mark}"
    return tags


def _figures(card: Card) -> dict[str, float]:
    checks = () if card.verdict is None else card.verdict.checks
    return {
        f"{who}/{check.name}": value
        for check in checks
        for who, value in (("champion", check.champion), ("challenger", check.challenger))
        if value is not None
    }


def _named(name: str) -> str:
    """Write a name in the characters that MLflow takes."""
    return re.sub(r"[^\w./ -]", "_", name.replace("@", " at "))
