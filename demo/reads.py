"""What the demo shows of what a BERT reads in one shopper's reviews, beside what they wrote.

The profile keeps no text: it has what was read. The texts are the demo's own.
"""

from collections.abc import Iterator, Mapping

import httpx

from demo.report import Answer
from demo.reviews import text_key
from portrait.evaluation.reviews_told import NAME

TONES = ("positive", "neutral", "negative")


def reads_of(url: str, profile: Answer, texts: Mapping[str, str]) -> str:
    """Lay out what a shopper's reviews say, and who reads them.

    Args:
        url: Of the service.
        profile: As it answers.
        texts: Of reviews, by `text_key`.
    """
    model = httpx.get(f"{url}/models/{profile['model_version']}").raise_for_status().json()
    checks = (model["verdict"] or {"checks": []})["checks"]
    lines = [f"  {check['reason']}" for check in checks if check["name"] == NAME]
    for said in profile["reviews"]:
        lines.append(f"    {(said['category'] or 'others')[:36]:<36} {_counts(said)}")
        lines += [
            f"        of its {each['aspect']}: {_counts(each)}" for each in said["aspects"][:3]
        ]
    return "\n".join([*lines, *_newest(profile, texts)])


def _counts(said: Answer) -> str:
    """Say how many reviews are of each tone, and how many of them a BERT has read."""
    counts = ", ".join(f"{said[tone]} {tone}" for tone in TONES if said[tone])
    by_bert = said.get("read_by", {}).get("bert")
    return f"{counts} ({by_bert} read by BERT)" if by_bert else counts


def _newest(profile: Answer, texts: Mapping[str, str]) -> Iterator[str]:
    """Show the newest reviews: stars, words, and what these were taken to say instead."""
    for event in profile["recent"]:
        if event["action"] != "review":
            continue
        text = texts.get(text_key({"user_id": profile["user_id"], **event}), "")
        stars = f"{event['rating']:.0f} stars" if event["rating"] else "no stars"
        counts = f"  counts as {event['tone']}" if event["tone"] else ""
        yield f"    {stars:>8}  {text}{counts}"
