"""What fine-tuning the text encoder gains: before and after, on what users took next.

    python -m benchmarks.text_finetune SET --encoder FOLDER --out FOLDER

The decayed mean of whitened text vectors, seen items left out. Training events make the pairs, the
validation targets decide whether the encoder is kept, and the test targets are looked at once. The
last line is JSON.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.quality.sets import RankingSet, Trial, load_set
from benchmarks.quality.text import TextMean
from portrait.dataset.interactions import Interactions, from_columns
from portrait.dataset.pairs import behaviour_pairs
from portrait.evaluation.ranking import PerUser, gains, paired_bootstrap, ranking_figures, ranks
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.logs import configure_logs
from portrait.model.space import Vectors, fit_space
from portrait.text.text_encoder import load_encoder
from portrait.training.text.text_finetune import TEXT_COURSE, Encode, FineTuning, fine_tune

DECAY = 0.7  # an event; chosen on validation targets in earlier experiments


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", type=Path)
    parser.add_argument("--encoder", type=Path, required=True, help="folder to begin from")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new encoder")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--steps", type=int, default=40, help="batches between two looks")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lora", type=int, default=0, help="rank; 0 trains every weight")
    parser.add_argument("--rate", type=float, default=TEXT_COURSE.learning_rate)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    configure_logs("text")
    torch.set_num_threads(options.threads)
    ranking = load_set(options.set)
    how = FineTuning(
        course=replace(TEXT_COURSE, epochs=options.epochs, learning_rate=options.rate),
        batch=options.batch,
        steps=options.steps,
        lora_rank=options.lora,
    )
    report = fine_tune(
        options.encoder,
        behaviour_pairs(_events(ranking), ranking.texts),
        options.out,
        how,
        validate=lambda encode: _figures(_places(encode, ranking.texts, ranking.valid)),
        checkpoint=options.out.with_suffix(".checkpoint"),
    )
    outcome = report.outcome
    result: dict[str, object] = {
        "set": ranking.name,
        "pairs": report.pairs,
        "steps": outcome.steps,
        "batch": how.batch,
        "lora": how.lora_rank,
        "seconds": round(outcome.seconds),
        "losses": [round(epoch["loss"], 3) for epoch in outcome.history],
        "valid": {"before": report.before, "after": report.after},
        "kept": report.kept,
    }
    if report.kept:
        result["test"] = _test(options.encoder, options.out, ranking)
    print(json.dumps(result))


def _events(ranking: RankingSet) -> Interactions:
    """Take the training part of the sequences as events."""
    train = ranking.train
    return from_columns(
        user=train.rows,
        item=train.flat,
        action=np.full(len(train.flat), ACTION_CODE[Action.PURCHASE], np.uint8),
        at=np.arange(len(train.flat)),
        items=np.arange(len(ranking.ids), dtype=np.uint64),
        users=len(train),
    )


def _test(before: Path, after: Path, ranking: RankingSet) -> dict[str, object]:
    """Look at the test targets, once."""
    old, new = (
        _places(load_encoder(str(folder)).encode, ranking.texts, ranking.test)
        for folder in (before, after)
    )
    compared = paired_bootstrap(gains(new, 10), gains(old, 10))
    return {
        "before": _figures(old),
        "after": _figures(new),
        "ndcg_difference": [compared.low, compared.difference, compared.high],
    }


def _places(encode: Encode, texts: Sequence[str], trial: Trial) -> PerUser:
    """Return the rank of each user's target among what the user has not seen, (U,)."""
    embeddings: Vectors = encode(texts)
    whitened = fit_space("any", embeddings).place(embeddings)
    scores = TextMean(whitened, DECAY).scores(trial.histories)
    return ranks(scores, trial.targets, trial.histories.pairs)


def _figures(places: PerUser) -> Mapping[str, float]:
    figures = ranking_figures(places)
    return {name: round(figures[name], 5) for name in ("ndcg@10", "hr@10")}


if __name__ == "__main__":
    main()
