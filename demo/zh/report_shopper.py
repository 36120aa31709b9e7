"""What the demo shows of one shopper, in Chinese: their profile, and what suits them."""

from collections.abc import Sequence

from demo.report import ARROWS, Answer
from demo.zh.names import ASPECTS, COURSES, DONE, LEVELS, STATES, STRATEGIES, TONES, moment, padded
from sandbox.planted.people import Person

WIDTH = 24  # of a bar, in columns
LEAST_AGAINST = 0.01  # of an item's relevance: less would be a zero
LEAST_SHOWN = 0.02  # of an interest: less would be a line without a bar


def profile_text(profile: Answer, person: Person) -> str:
    """Lay out a profile, and what is true of whom it is of."""
    activity = profile["activity"]
    gap = activity["usual_gap_days"]
    brands = "、".join(f"{each['brand']} {each['share']:.0%}" for each in profile["brands"][:4])
    lines = [
        (
            f"顾客画像 {profile['user_id']}：共 {profile['events_folded']} 条行为，"
            f"最近一次 {moment(profile['profile_as_of'])}（北京时间），{STATES[activity['state']]}"
            f"{f'，平均每 {gap:.1f} 天来一次' if gap else ''}"
        ),
        f"  模型 {profile['model_version']}",
        "",
        f"  {padded('兴趣（↗ 上升 → 平稳 ↘ 下降）', 28)} 占比（越近的行为权重越高）与依据",
        *_interests([each for each in profile["interests"] if each["score"] >= LEAST_SHOWN]),
        "",
        f"  品牌  {brands}",
    ]
    if band := profile["price_band"]:
        lines.append(
            f"  价格  所看所买通常 {band['typical']:.0f} 元，"
            f"大多在 {band['low']:.0f} 到 {band['high']:.0f} 元之间"
        )
    lines += [*_searches(profile), *_reviews(profile), *_outlook(profile)]
    return "\n".join([*lines, "", f"  演示预设的真实偏好：{_truth(person)}"])


def _interests(interests: Sequence[Answer]) -> list[str]:
    lines = []
    for interest in interests:
        evidence = dict.fromkeys(
            f"{DONE[event['action']]}「{event['title']}」"
            for event in interest["evidence"]
            if event["title"]
        )
        share = f"{interest['score']:4.0%} {'█' * round(WIDTH * interest['score'])}"
        arrow = ARROWS[interest["direction"]]
        lines.append(f"    {arrow} {padded(interest['category'], 24)} {share}")
        lines.append(f"        因为{'、'.join([*evidence][:2])}")
    return lines


def _searches(profile: Answer) -> list[str]:
    """Name what was searched for, each once, the newest first."""
    events = [
        *profile["recent"],
        *(event for interest in profile["interests"] for event in interest["evidence"]),
    ]
    events.sort(key=lambda event: str(event["occurred_at"]), reverse=True)
    words = dict.fromkeys(
        event["title"] for event in events if event["action"] == "search" and event["title"]
    )
    return [f"  搜索  {'、'.join(f'「{text}」' for text in words)}"] if words else []


def _reviews(profile: Answer) -> list[str]:
    """Say what the newest reviews think of things, by their stars or by what is read in them."""
    lines = []
    for event in profile["recent"]:
        if event["action"] == "review" and event["title"]:
            stars = f"{event['rating']:.0f} 星" if event["rating"] else "未打星"
            read = f"，读出是{TONES[event['tone']]}" if event["tone"] else ""
            lines.append(f"  评价  「{event['title']}」{stars}{read}")
    return [*lines, *map(_opinion, profile.get("reviews", ()))]


def _opinion(said: Answer) -> str:
    """Say what all their reviews of a category say, by aspect, and how many a BERT has read."""
    about = "、".join(f"{ASPECTS[each['aspect']]}{_tones(each)}" for each in said["aspects"][:3])
    of_them = f"；其中提到{about}" if about else ""
    by_bert = said["read_by"]["bert"]
    how = f"BERT 读出 {by_bert} 条" if by_bert else "按星级与词表判断"
    return f"        {said['category'] or '其他'}：{_tones(said)}{of_them}（{how}）"


def _tones(counts: Answer) -> str:
    return "、".join(f"{name} {counts[tone]}" for tone, name in TONES.items() if counts[tone])


def _outlook(profile: Answer) -> list[str]:
    """Lay out what the learned heads foresee, or say that none of them may."""
    said = []
    for name, title in (("purchase_intent", "再次购买"), ("churn_risk", "不再来访")):
        if chance := profile[name]:
            said.append(f"{chance['within_days']} 天内{title} {chance['probability']:.0%}")
    likely = "、".join(
        f"{interest['category']} {interest['probability']:.0%}"
        for interest in profile["likely_interests"][:3]
    )
    return [
        f"  展望  {'，'.join(said) or '模型未胜过简单基线，暂不预测'}",
        *([f"  一周内可能会看  {likely}"] if likely else []),
    ]


def _truth(person: Person) -> str:
    """Say what was planted: see `sandbox/planted/people.py`."""
    first, *others = person.tastes
    return (
        f"{COURSES[person.course]}「{first}」，同时关注「{'」和「'.join(others)}」；"
        f"有「{person.brand}」时优先选它；消费档位：{LEVELS[person.level]}"
    )


def recommendations_text(answer: Answer) -> str:
    """Lay out recommendations with their reasons."""
    lines = [f"  推荐（{STRATEGIES[answer['strategy']]}）"]
    for item in answer["items"]:
        lines.append(
            f"    {item['score']:.2f}  {padded(item['title'], 32)} {item['price'] or 0:8.2f} 元"
        )
        if reasons := "、".join(map(_reason, (item["reasons"] or ())[:2])):
            lines.append(f"          因为{reasons}")
        lines += [
            f"          尽管{_complaint(reason)}"
            for reason in (item["against"] or ())[:1]
            if reason["share"] <= -LEAST_AGAINST
        ]
    return "\n".join(lines)


def _reason(reason: Answer) -> str:
    """Say in Chinese what an answer names by its parts; its words are the shop's own."""
    share = f"（{reason['share']:+.2f}）"
    if reason["action"] == "price":
        return f"价格符合其平时的档位{share}"
    if reason["action"] == "popularity":
        return f"大家都在买{share}"
    return f"{DONE.get(reason['action'], '本次看过')}「{reason['title']}」{share}"


def _complaint(reason: Answer) -> str:
    done = "退过" if reason["action"] == "return" else "差评过"
    return f"{done}「{reason['title']}」（{reason['share']:+.2f}）"
