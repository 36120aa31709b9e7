"""The demo of a Chinese shop, `make demo-zh`: the last line is JSON.

servers ─▶ workers and service ─▶ catalogue ─▶ weeks before ─▶ learn ─▶ replay ─▶ opinions
        ─▶ new searches ─▶ new reviews ─▶ one shopper
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles

import httpx

from demo.__main__ import clear_logs, dead_letters, ending_said, interruptible, learn
from demo.replay import POISON, Replayed, await_folded, replay
from demo.report import Answer
from demo.stage import Stage, await_ready, load_catalogue, open_stage, publish, step
from demo.zh.ask import Found, Opinions, Tones, ask_opinions, ask_searches, read_tones
from demo.zh.report_shop import opinions_text, searches_text
from demo.zh.report_shopper import profile_text, recommendations_text
from demo.zh.script import Plan, Script, write_script
from sandbox.planted.people import Person
from sandbox.planted.shop import Fields
from sandbox.servers import ROOT, python

ENCODER = ROOT / "build" / "encoder-zh"
TRAININGS = ROOT / "build" / "training-of-demo-zh"  # see `demo.__main__.TRAININGS`
RATE = 250  # events a second: some 15 s of replay
GOAL_MS = 1_000  # from an event to the profile that has it
SINCE = timedelta(hours=1)  # the log's end lies as far back: reviews are written after it
SHOWN = 5  # recommendations


@dataclass(frozen=True, slots=True)
class Told:
    """What came out."""

    figures: dict[str, object]  # of the last line
    alerts: Sequence[Answer]
    well: bool  # nothing was lost, and a model was learned if one was to be


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(prog="python -m demo.zh", description=__doc__)
    parser.add_argument("--reviews", type=Path, help="zip file of real reviews; else made-up ones")
    parser.add_argument("--serve", action="store_true", help="go on serving until Ctrl-C")
    options = parser.parse_args()
    if not (ENCODER / "config.json").exists():
        sys.exit(f"There is no encoder in {ENCODER}: make encoder-zh builds it.")
    interruptible()
    try:
        with ExitStack() as stack, ending_said():
            stage, told = run(stack, clear_logs(), Plan(), str(ENCODER), options.reviews)
            print(json.dumps(told.figures))
            if options.serve:
                _serve(stage)
    except KeyboardInterrupt:
        print("Stopped; nothing is left running.")
        sys.exit(0)
    sys.exit(0 if told.well else 1)


def run(  # noqa: PLR0913 - where, what, how
    stack: ExitStack,
    logs: Path,
    plan: Plan,
    encoder: str,
    reviews: Path | None,
    *,
    learns: bool = True,
) -> tuple[Stage, Told]:
    """Take every step in order.

    Args:
        stack: What is started ends with it.
        logs: Folder for logs, archive and models.
        plan: How large a shop.
        encoder: As `PORTRAIT_ENCODER` names it.
        reviews: Real ones, see `open_reviews`.
        learns: Whether a model is learned; else the first one serves.
    """
    with step("Drawing a shop and its shoppers"):
        script = write_script(plan, reviews, datetime.now(UTC) - SINCE)
    stage = _begin(stack, logs, script, encoder)
    is_served = asyncio.run(_learned(stage, script.past) if learns else _folded(stage, script.past))
    replayed = asyncio.run(
        replay(
            script.replay, past=script.past, kafka=stage.servers.kafka, service=stage.url, rate=RATE
        )
    )
    dead = asyncio.run(dead_letters(stage.servers))
    well = not (replayed.lost or replayed.doubled) and dead == len(POISON) and is_served
    figures, alerts = _ask(stage, script, replayed, dead)
    return stage, Told(figures, alerts, well)


def _begin(stack: ExitStack, logs: Path, script: Script, encoder: str) -> Stage:
    """Start everything, and publish what was before the replay."""
    stage = open_stage(stack, logs, PORTRAIT_ENCODER=encoder)
    stage.start("opinions", python("workers", "opinions"))
    asyncio.run(load_catalogue(stage, [good.fields for good in script.shop.goods]))
    asyncio.run(publish(stage.servers.kafka, script.past, "Publishing the weeks before"))
    stage.start("update", python("workers", "update"))
    return stage


async def _learned(stage: Stage, past: Sequence[Fields]) -> bool:
    """Let a model be learned, and say whether it serves."""
    return await learn(stage, past, TRAININGS) is not None


async def _folded(stage: Stage, past: Sequence[Fields]) -> bool:
    """Let the first model serve."""
    with step("Folding them into profiles"):
        await await_ready(stage)
        await await_folded(stage.url, past)
    return True


def _ask(
    stage: Stage, script: Script, replayed: Replayed, dead: int
) -> tuple[dict[str, object], Sequence[Answer]]:
    """Ask what serves, and print what it says. Returns the figures, and what has turned."""
    shop = script.shop
    with httpx.Client(base_url=stage.url, timeout=30) as http:
        opinions = ask_opinions(http, shop, script.bad)
        with step(f"Asking {len(script.searches)} searches that nobody has made"):
            found = ask_searches(http, shop, script.searches)
        tones = read_tones(stage, http, shop, script.held_out, datetime.now(UTC))
        _show_shopper(http, script.telling())
        _show_shop(script, opinions, found, tones)
        figures: dict[str, object] = {
            "searches": len(script.searches),
            "found_first": round(found.first, 3),
            "found_in_five": round(found.in_five, 3),
            "freshness_p99_ms": _show_replay(replayed, dead),
            "sentiment_accuracy": round(tones.accuracy, 3),
            "fine_tuned": tones.by_bert > 0,
        }
    return figures, opinions.alerts


def _show_shopper(http: httpx.Client, person: Person) -> None:
    """Print one shopper, with what is true of them."""
    profile = http.get(f"/profile/{person.id}").raise_for_status().json()
    asked = {"user_id": person.id, "limit": SHOWN, "explain": True}
    recommended = http.post("/recommend", json=asked).raise_for_status().json()
    print(f"\n{profile_text(profile, person)}\n\n{recommendations_text(recommended)}\n")


def _show_shop(script: Script, opinions: Opinions, found: Found, tones: Tones) -> None:
    """Print what is said in the shop, and how well it is understood."""
    titles = {good.id: good.title for good in script.shop.goods}
    print(f"{opinions_text(opinions, titles)}\n")
    print(searches_text(found))
    print(
        f"  {len(script.held_out)} 条全新评价，褒贬判断正确率 {tones.accuracy:.0%}；"
        f"其中 {tones.by_bert:.0%} 由微调过的 BERT 判断，其余按词表"
    )


def _show_replay(replayed: Replayed, dead: int) -> int:
    """Print what became of the events. Returns the p99 of freshness, ms."""
    cuts = quantiles(replayed.freshness, n=100)
    p50, p99 = round(1_000 * cuts[49]), round(1_000 * cuts[98])
    print(
        f"  {replayed.events:,} 条事件，{len(replayed.expected):,} 份画像：丢失 {replayed.lost}，"
        f"重复计数 {replayed.doubled}，故意发送的坏消息有 {dead}/{len(POISON)} 条进入死信\n"
        f"  事件发布到画像可读：中位 {p50} ms，99% 在 {p99} ms 内"
    )
    if p99 > GOAL_MS:
        print(f"  目标是 {GOAL_MS:,} ms：这台机器较慢，或正忙于其他任务")
    return p99


def _serve(stage: Stage) -> None:
    """Go on until somebody ends it."""
    print(f"服务在 {stage.url}（试试 {stage.url}/docs）；按 Ctrl-C 全部结束。")
    while True:
        time.sleep(3_600)


if __name__ == "__main__":
    main()
