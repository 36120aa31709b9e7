"""What the demo shows of the whole shop, in Chinese: what is said there, and what is found."""

from collections.abc import Mapping

from demo.report import Answer
from demo.zh.ask import Found, Opinions
from demo.zh.names import ALERTS, ASPECTS, FORMS, KINDS, day, moment, padded


def opinions_text(opinions: Opinions, titles: Mapping[str, str]) -> str:
    """Lay out what is said, and what has turned.

    Args:
        opinions: As the service tells them.
        titles: Of items, by id.
    """
    lines = ["舆情监测（本周指周一至今；方面后是提到它的评价中的差评率）"]
    for subject, name in [
        *((each, "全店") for each in opinions.shop),
        *((each, each["name"]) for each in opinions.categories),
    ]:
        week = subject["windows"][0]
        about = "、".join(
            f"{ASPECTS[each['aspect']]}差评 {each['negative']['share']:.0%}"
            for each in week["aspects"][:2]
            if each["negative"]["share"]
        )
        negative = week["negative"]
        lines.append(
            f"    {padded(name, 10)} 本周 {week['texts']:4d} 条，差评 {negative['share']:4.0%}"
            f"（{negative['low']:.0%} 到 {negative['high']:.0%}）  {about}"
        )
    lines.append(f"  预警 {len(opinions.alerts)} 条")
    for alert in opinions.alerts:
        lines += _alert(alert, titles)
    return "\n".join(lines)


def _alert(alert: Answer, titles: Mapping[str, str]) -> list[str]:
    what = f"{KINDS[alert['subject_kind']]}「{titles.get(alert['subject'], alert['subject'])}」"
    turned = f"{_of(alert['before'])} → {_of(alert['after'])}（{moment(alert['at'])} 判定时）"
    bounds = f"95% 可能介于 {day(alert['not_before'])} 与 {day(alert['not_after'])} 之间"
    lines = [
        f"    {ALERTS[alert['kind']]}：{what}，约自 {moment(alert['since'])} 起（{bounds}）",
        f"        {turned}，近 7 天共 {alert['authors']} 位作者",
        f"        {''.join(f'「{text}」' for text in dict.fromkeys(alert['examples']))}",
    ]
    if alert["also"]:
        others = [each.partition(":") for each in alert["also"]]
        named = "、".join(f"{KINDS[kind]}「{name}」" for kind, _, name in others)
        lines.append(f"        同时变化的还有：{named}")
    return lines


def _of(share: Answer) -> str:
    return f"{share['share']:.0%}（{share['count']}/{share['of']}）"


def searches_text(found: Found) -> str:
    """Say how often what was meant was found, by how the searches were written."""
    by_form = "，".join(f"{FORMS[form]} {share:.0%}" for form, share in found.by_form.items())
    late = f"；{found.late} 次没有及时读懂，又问了一遍" if found.late else ""
    shown = "".join(
        f"\n      「{text}」 → {title}{'' if is_meant else '（未命中）'}"
        for text, title, is_meant in found.shown
    )
    return (
        f"  此前没人搜过的搜索词：首位命中率 {found.first:.0%}，"
        f"前五位命中率 {found.in_five:.0%}（{by_form}）{late}{shown}"
    )
