"""What spoiled texts and a flood of events do, on a real catalogue and real histories.

    python -m benchmarks.robustness SET [--encoder FOLDER]

A user is the decayed mean of whitened text vectors, the text's part of a score. What users took is
read from texts in which a twentieth of all characters is spoiled, and ranked among clean ones. The
last line is JSON.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks.quality.ours import PURCHASE, told
from benchmarks.quality.sets import RankingSet, load_set
from portrait.arrays import MISSING, Codes
from portrait.evaluation.ranking import ranking_figures, ranks
from portrait.evaluation.robustness import burst_robustness, odd_texts_failed, text_robustness
from portrait.inference.ranker import Ranker
from portrait.logs import configure_logs
from portrait.model.learned import untaught
from portrait.model.recency import Events
from portrait.model.space import Space, Vectors, fit_space
from portrait.text.text_encoder import BUNDLED, load_encoder

FLOODED = 500  # users


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", type=Path)
    parser.add_argument("--encoder", default=BUNDLED, help="folder")
    options = parser.parse_args()
    configure_logs("text")
    ranking = load_set(options.set)
    encoder = load_encoder(options.encoder)
    embeddings = encoder.encode(ranking.texts)
    space = fit_space(encoder.name, embeddings)
    report = {
        "text": text_robustness(
            encoder, ranking.texts, lambda read, ranked: _hit_rate(ranking, space, read, ranked)
        ),
        "odd_texts_failed": odd_texts_failed(encoder),
        "burst": {
            str(burst): _burst(ranking, space.place(embeddings), burst) for burst in (1, 10, 100)
        },
    }
    print(json.dumps(report))


def _hit_rate(ranking: RankingSet, space: Space, read: Vectors, ranked: Vectors) -> float:
    """Return HR@10 on the test targets, seen items left out."""
    trial = ranking.test
    states = _by_texts(space.place(read)).text_states(*told(trial.histories))
    scores = states @ space.place(ranked).T
    places = ranks(scores, trial.targets, trial.histories.pairs)
    return ranking_figures(places)["hr@10"]


def _burst(ranking: RankingSet, items: Vectors, burst: int) -> dict[str, float]:
    rows, _ = told(ranking.test.histories.of(np.arange(FLOODED)))
    ranker = _by_texts(items)

    def state(rows: Codes) -> Vectors:
        kind, at = np.full(rows.shape, PURCHASE, np.uint8), np.zeros(rows.shape, np.int64)
        return ranker.text_states(rows, Events(kind, at, rows != MISSING))

    return burst_robustness(rows, items, state, burst=burst)


def _by_texts(vectors: Vectors) -> Ranker:
    """Rank items by the vectors of their texts, (N, K), alone."""
    refs = np.arange(1, len(vectors) + 1, dtype=np.uint64)
    return Ranker.over(untaught(vectors.shape[1]), refs, vectors)


if __name__ == "__main__":
    main()
