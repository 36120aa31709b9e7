"""How the demo calls in Chinese what the service calls in English, and how it lays Chinese out."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from unicodedata import east_asian_width

from sandbox.planted.people import Course

CHINA = timezone(timedelta(hours=8))
DONE = {
    "browse": "浏览过",
    "click": "点击过",
    "search": "搜索过",
    "cart": "加购过",
    "purchase": "买过",
    "review": "评价过",
    "return": "退过",
    "remove": "移出过购物车的",
    "wish": "收藏过",
}
STATES = {"active": "仍活跃", "gone": "可能已流失"}
STRATEGIES = {
    "session": "依据本次访问",
    "session_and_profile": "依据本次访问和画像",
    "profile": "依据画像",
    "popular": "热门",
    "not_personalised": "不做个性化",
}
ASPECTS = {
    "price": "价格",
    "quality": "质量",
    "delivery": "物流",
    "packaging": "包装",
    "service": "服务",
    "fit": "尺码",
    "looks": "外观",
    "taste": "口味",
    "use": "使用体验",
}
TONES = {"positive": "好评", "neutral": "中评", "negative": "差评"}
ALERTS = {
    "worse": "口碑变差",
    "better": "口碑变好",
    "harm": "有害内容",
    "few_authors": "少数账号刷评",
}
KINDS = {
    "item": "商品",
    "subject": "话题",
    "brand": "品牌",
    "category": "类目",
    "source": "来源",
}
FORMS = {"as written": "简体", "traditional": "繁体", "full width": "全角"}
COURSES: Mapping[Course, str] = {
    "steady": "一直喜欢",
    "rising": "越来越喜欢",
    "fading": "渐渐不再看",
    "new": "最近才喜欢上",
    "left": "曾经喜欢",
}
LEVELS = {"cheap": "便宜", "middle": "中档", "luxury": "高档"}


def moment(written: str) -> str:
    """Say a moment to its minute, by the clocks of China."""
    return datetime.fromisoformat(written).astimezone(CHINA).strftime("%Y-%m-%d %H:%M")


def day(written: str) -> str:
    """Say on which day a moment lies, by the clocks of China."""
    return datetime.fromisoformat(written).astimezone(CHINA).strftime("%m-%d")


def padded(text: str, columns: int) -> str:
    """Fill up a text to a number of columns; a Chinese sign takes two."""
    taken = sum(1 + (east_asian_width(sign) in "WF") for sign in text)
    return text + " " * max(0, columns - taken)
