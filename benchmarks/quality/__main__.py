"""Portrait's ranking beside its peers. The last line is one JSON object with every figure.

    python -m benchmarks.quality --data FOLDER [--sets FOLDER ...] [--quick] [--report FILE]

`--data` holds `amazon_scientific` and `amazon_beauty`; `--sets` names any others (`sets.py` says
what must be in them), `--peers` whose rows to measure, if not all. Progress goes to stderr.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from benchmarks.quality.cold import measure_cold
from benchmarks.quality.counting import DECAYS, ItemKnn, MarkovKnn, Popularity
from benchmarks.quality.ease import Ease
from benchmarks.quality.factors import Als, Bpr
from benchmarks.quality.figures import Figures, compare, figures_of, set_figures
from benchmarks.quality.measure import Result, measure
from benchmarks.quality.ours import Portrait
from benchmarks.quality.pctm import Pctm
from benchmarks.quality.peer import Lesson, Peer
from benchmarks.quality.refit import measure_refitted
from benchmarks.quality.report import set_report
from benchmarks.quality.sasrec import SasRec
from benchmarks.quality.sets import RankingSet, load_set
from benchmarks.quality.text import KnnText, WhitenedText
from benchmarks.quality.texts import text_vectors
from portrait.logs import configure_logs

STANDARD_SETS = ("amazon_scientific", "amazon_beauty")
QUICK_USERS = 400
QUICK_EPOCHS = 2
OURS = "Portrait"
COLD = ("Pop", "whitened text", "KNN + text", OURS)
REFITTED = ("Markov + KNN", "PCTM", "EASE", "KNN + text", OURS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    options = _options(arguments)
    configure_logs("text")
    torch.set_num_threads(options.threads)
    started = time.perf_counter()
    found: Figures = {}
    with threadpool_limits(options.threads):
        for folder in tqdm(_folders(options), "sets", disable=None):
            ranking_set = load_set(folder)
            if options.quick:
                ranking_set = ranking_set.head(QUICK_USERS)
            found[ranking_set.name] = _run(ranking_set, options)
            print(set_report(ranking_set.name, found[ranking_set.name]), end="\n\n", flush=True)
    run = _run_facts(time.perf_counter() - started)
    if options.report:
        options.report.write_text(_markdown(run, found), encoding="utf-8")
    print(json.dumps({"run": run, "sets": found}))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the two standard sets")
    parser.add_argument("--sets", type=Path, nargs="*", default=[], help="folders of more sets")
    parser.add_argument("--peers", nargs="*", default=[], help="these rows alone: some again")
    parser.add_argument("--quick", action="store_true", help="a smoke run of about a minute")
    parser.add_argument("--seeds", type=int, default=3, help="fits of what is trained")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--report", type=Path, help="Markdown file to write")
    parser.add_argument("--cache", type=Path, default=Path("build/cache"), help="of text vectors")
    options = parser.parse_args(arguments)
    if options.data is None and not options.sets:
        parser.error("name a folder with --data, or sets with --sets")
    known = [peer.name for peer in _peers(options)]
    if unknown := sorted({*options.peers} - {*known}):
        parser.error(f"no such peer: {', '.join(unknown)}; there are {', '.join(known)}")
    return options


def _folders(options: argparse.Namespace) -> list[Path]:
    standard = [options.data / name for name in STANDARD_SETS] if options.data else []
    return [*standard, *options.sets]


def _peers(options: argparse.Namespace) -> list[Peer]:
    return [
        Popularity(),
        ItemKnn("last-item KNN", (0,)),
        ItemKnn("decayed ItemKNN", DECAYS),
        MarkovKnn(),
        Pctm(),
        Ease(),
        Als(),
        Bpr(),
        SasRec(QUICK_EPOCHS) if options.quick else SasRec(),
        WhitenedText(),
        KnnText(),
        Portrait(QUICK_EPOCHS) if options.quick else Portrait(),
    ]


def _run(ranking_set: RankingSet, options: argparse.Namespace) -> Figures:
    """Measure every peer on one set."""
    vectors = text_vectors(ranking_set.texts, options.cache, options.threads)
    lesson = Lesson(ranking_set.ids, vectors, ranking_set.train, ranking_set.valid)
    everyone = {peer.name: peer for peer in _peers(options)}
    peers = {name: everyone[name] for name in options.peers or everyone}
    seeds, most_fits = (1, 1) if options.quick else (options.seeds, None)
    results: dict[str, Result] = {}
    for name, peer in tqdm(peers.items(), ranking_set.name, disable=None):
        results[name] = measure(peer, lesson, ranking_set.test, seeds, most_fits)
    asked_cold, again = (
        {name: peers[name] for name in names if name in peers} for names in (COLD, REFITTED)
    )
    figures = {name: figures_of(result, ranking_set) for name, result in results.items()}
    return {
        "set": set_figures(ranking_set),
        "peers": figures,
        "against": _against_the_best(results, figures),
        "refitted": measure_refitted(ranking_set, lesson, again, results),
        "cold": measure_cold(ranking_set, lesson, asked_cold, list(results.values())),
    }


def _against_the_best(results: dict[str, Result], figures: Figures) -> Figures:
    """Compare Portrait with the peer that has the best NDCG@10, masked and unmasked."""
    if OURS not in results or len(results) == 1:
        return {}
    others = [name for name in results if name != OURS]
    best = {
        max(others, key=lambda name: figures[name][protocol]["ndcg@10"]["mean"])
        for protocol in ("masked", "unmasked")
    }
    return {name: compare(results[OURS], results[name]) for name in sorted(best)}


def _run_facts(seconds: float) -> Figures:
    return {
        "date": time.strftime("%Y-%m-%d"),
        "commit": _commit(),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "command": " ".join(["python -m benchmarks.quality", *sys.argv[1:]]),
        "minutes": round(seconds / 60, 1),
    }


def _commit() -> str:
    """Name what is checked out; outside a checkout there is no name."""
    asked = ["git", "describe", "--always", "--dirty"]
    try:
        found = subprocess.run(asked, capture_output=True, check=True, text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def _markdown(run: Figures, found: Figures) -> str:
    how = f"{run['date']}, commit {run['commit']}, {run['machine']}, {run['minutes']} minutes"
    sets = (set_report(name, figures) for name, figures in found.items())
    return "\n\n".join(["## Quality: `make bench-quality`", f"{how}: `{run['command']}`.", *sets])


if __name__ == "__main__":
    main()
