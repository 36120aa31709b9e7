"""Texts with and without what names or reaches a person, drawn from a seed, in two languages."""

from collections.abc import Callable, Iterator
from random import Random
from string import ascii_lowercase, ascii_uppercase, digits

GIVEN = ["anna", "peter", "maria", "john", "wei", "fang", "jing", "lukas", "emma", "carlos"]
FAMILY = ["smith", "mueller", "garcia", "zhang", "li", "wang", "rossi", "novak", "brown", "lee"]
HOSTS = [
    "gmail.com",
    "qq.com",
    "163.com",
    "outlook.com",
    "mail.example.co.uk",
    "t-online.de",
    "sina.cn",
]
CITIES = [
    "北京市朝阳区",
    "上海市浦东新区",
    "广州市天河区",
    "浙江省杭州市西湖区",
    "四川省成都市武侯区",
    "深圳市南山区",
]
WAYS = ["中山路", "建国路", "人民大道", "长安街", "文三路", "解放东路", "科技园路", "和平里大街"]
STREETS = ["Main", "Oak", "Elm", "Washington", "Park", "Hill", "King", "Church", "Mill", "Lake"]
STREET_KINDS = ["Street", "Avenue", "Road", "Lane", "St", "Ave", "Rd", "Blvd", "Drive"]
GERMAN = ["Musterstraße", "Hauptstraße", "Gartenweg", "Bahnhofstr.", "Marktplatz", "Lindenallee"]
PROVINCES = "京沪粤浙川苏鲁湘"


def _some(draw: Random, signs: str, count: int) -> str:
    return "".join(draw.choice(signs) for _ in range(count))


def email(draw: Random) -> str:
    """An address of mail, in one of the ways that people write them."""
    name = draw.choice(GIVEN) + draw.choice(["", ".", "_", "-"]) + draw.choice(FAMILY)
    tag = draw.choice(["", str(draw.randrange(1_000)), "+shop"])
    return f"{name}{tag}{draw.choice(['@', '@', '@', ' (at) ', '[at]'])}{draw.choice(HOSTS)}"


def mobile_cn(draw: Random) -> str:
    number = f"1{draw.choice('356789')}{_some(draw, digits, 9)}"
    spaced = draw.choice(["", "", " ", "-"]).join((number[:3], number[3:7], number[7:]))
    return draw.choice(["", "", "+86 ", "+86", "86-"]) + spaced


def landline_cn(draw: Random) -> str:
    area = draw.choice(["010", "021", "0571", "0755", "028"])
    number = draw.choice("2345678") + _some(draw, digits, 7)
    return draw.choice([f"{area}-{number}", f"({area}){number}", f"{area} {number}"])


def phone_us(draw: Random) -> str:
    area, office = (draw.choice("23456789") + _some(draw, digits, 2) for _ in range(2))
    line = _some(draw, digits, 4)
    return draw.choice(
        [
            f"({area}) {office}-{line}",
            f"{area}-{office}-{line}",
            f"+1 {area} {office} {line}",
            f"{area}.{office}.{line}",
            f"+1{area}{office}{line}",
        ]
    )


def phone_eu(draw: Random) -> str:
    tail = _some(draw, digits, 8)
    return draw.choice(
        [
            f"+49 {draw.choice(['30', '89', '171'])} {tail}",
            f"+44 20 {tail[:4]} {tail[4:]}",
            f"+33 6 {tail[:2]} {tail[2:4]} {tail[4:6]} {tail[6:]}",
            f"0049 30 {tail}",
            f"06 {tail[:2]} {tail[2:4]} {tail[4:6]} {tail[6:]}",
            f"+39 02 {tail}",
            f"030 {tail}",
        ]
    )


def _luhn(number: str) -> str:
    """Return the digit that makes a number right."""
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(number))]
    return str(-sum(digit - 9 * (digit > 9) for digit in doubled) % 10)


def card(draw: Random) -> str:
    start, length = draw.choice(
        [("4", 16), ("51", 16), ("55", 16), ("37", 15), ("62", 16), ("6222", 19)]
    )
    number = start + _some(draw, digits, length - 1 - len(start))
    number += _luhn(number)
    by = draw.choice(["", " ", "-"])
    parts = (
        [number[:4], number[4:10], number[10:]]
        if length == 15
        else [number[at : at + 4] for at in range(0, length, 4)]
    )
    return by.join(parts)


def chinese_id(draw: Random) -> str:
    number = draw.choice(["110105", "310115", "440106", "330106", "510107"])
    number += f"{draw.randrange(1940, 2015)}{draw.randrange(1, 13):02}{draw.randrange(1, 29):02}"
    number += _some(draw, digits, 3)
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    rest = sum(int(each) * weight for each, weight in zip(number, weights, strict=True)) % 11
    return number + draw.choice(["10X98765432", "10x98765432"])[rest]


def ip(draw: Random) -> str:
    if draw.random() < 0.5:
        return ".".join(str(draw.randrange(1, 255)) for _ in range(4))
    groups = [f"{draw.randrange(1, 65_536):x}" for _ in range(8)]
    return draw.choice([":".join(groups), f"{':'.join(groups[:3])}::{groups[7]}"])


def iban(draw: Random) -> str:
    country, length = draw.choice([("DE", 18), ("FR", 23), ("NL", 14), ("ES", 20)])
    account = _some(draw, digits, length)
    turned = "".join(str(int(each, 36)) for each in f"{account}{country}00")
    whole = f"{country}{98 - int(turned) % 97:02}{account}"
    return draw.choice([whole, " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))])


def plate(draw: Random) -> str:
    letters = "".join(set(ascii_uppercase) - set("IO"))
    return (
        draw.choice(PROVINCES)
        + draw.choice("ABCDEF")
        + draw.choice(["", "·", " "])
        + draw.choice(
            [
                _some(draw, digits, 5),
                draw.choice(letters) + _some(draw, digits, 4),
                "D" + _some(draw, digits, 5),
            ]
        )
    )


def account(draw: Random) -> str:
    name = draw.choice(GIVEN) + draw.choice(["_", "", "-"]) + _some(draw, digits, 4)
    return (
        draw.choice(["微信", "微信号：", "加微信 ", "wechat: ", "WeChat id ", "vx ", "VX:"]) + name
    )


def qq(draw: Random) -> str:
    number = draw.choice("123456789") + _some(draw, digits, draw.randrange(5, 10))
    return draw.choice(["QQ", "QQ号", "qq: ", "QQ "]) + number


def called(draw: Random) -> str:
    number = draw.choice("23456789") + _some(draw, digits, 6 + draw.randrange(4))
    return (
        draw.choice(["电话", "电话：", "call me at ", "phone ", "tel. ", "my mobile number is "])
        + number
    )


def address_cn(draw: Random) -> str:
    number = draw.randrange(1, 900)
    ends = [
        "",
        "",
        f"{draw.randrange(1, 30)}号楼",
        f"{draw.randrange(1, 9)}单元{draw.randrange(101, 2_900)}室",
    ]
    return draw.choice([*CITIES, "", ""]) + draw.choice(WAYS) + f"{number}号" + draw.choice(ends)


def address_en(draw: Random) -> str:
    if draw.random() < 0.3:
        return f"{draw.choice(GERMAN)} {draw.randrange(1, 200)}"
    street = f"{draw.randrange(1, 9_999)} {draw.choice(STREETS)} {draw.choice(STREET_KINDS)}"
    return street + draw.choice(
        ["", "", f", Apt {draw.randrange(1, 99)}", ", Springfield, IL 62704"]
    )


Maker = Callable[[Random], str]
PRIVATE: dict[str, Maker] = {
    "email": email,
    "mobile_cn": mobile_cn,
    "landline_cn": landline_cn,
    "phone_us": phone_us,
    "phone_eu": phone_eu,
    "card": card,
    "id": chinese_id,
    "ip": ip,
    "iban": iban,
    "plate": plate,
    "account": account,
    "qq": qq,
    "called": called,
    "address_cn": address_cn,
    "address_en": address_en,
}
AROUND = (
    "{}",
    "please write to {} thanks",
    "质量很好，{}，下次还来",
    "联系 {} 谢谢",
    "bad seller!! {}",
    "({})",
    "my details: {}, size L",
    "送到{}，尽快",
    "发票寄 {} 。",
)


def _ean(draw: Random) -> str:
    return draw.choice(["690", "400", "501"]) + _some(draw, digits, 10)


def _model(draw: Random) -> str:
    return f"{_some(draw, ascii_uppercase, 2)}-{_some(draw, digits, 4)}-{_some(draw, digits, 2)}"


HARMLESS: tuple[Maker, ...] = (
    lambda draw: f"iPhone {draw.randrange(8, 17)} Pro Max {draw.choice([64, 128, 256])}GB",
    lambda draw: f"dark chocolate {draw.randrange(50, 99)}% {draw.randrange(50, 500)}g",
    lambda draw: (
        f"身高{draw.randrange(150, 195)}体重{draw.randrange(90, 200)}斤，买的{draw.choice('SML')}码"
    ),
    lambda draw: f"牛奶 {draw.randrange(200, 1_000)}ml*{draw.randrange(6, 24)}盒",
    lambda draw: (
        f"order {_some(draw, digits, 12)} arrived on 2026-11-{draw.randrange(10, 29)} 18:0{draw.randrange(10)}:58"
    ),
    lambda draw: f"EAN {_ean(draw)}",
    lambda draw: f"型号 {_model(draw)} {draw.randrange(1, 99)}W",
    lambda draw: (
        f"{draw.randrange(1, 20)}.{draw.randrange(10)} stars, {draw.randrange(10, 5_000)} reviews"
    ),
    lambda draw: (
        f"¥{draw.randrange(1, 9_999)}.{draw.randrange(10, 99)} 满{draw.randrange(100, 999)}减{draw.randrange(10, 99)}"
    ),
    lambda draw: (
        f"size {draw.randrange(30, 46)}-{draw.randrange(46, 60)}, {draw.randrange(1, 9)} x {draw.randrange(100, 999)} mm"
    ),
    lambda draw: f"firmware v{draw.randrange(1, 9)}.{draw.randrange(20)}.{draw.randrange(20)}",
    lambda draw: (
        f"USB 3.{draw.randrange(3)} {draw.randrange(1, 9)}m cable {_some(draw, ascii_lowercase, 6)}"
    ),
    lambda draw: f"{draw.randrange(2, 12)}号电池 {draw.randrange(4, 40)}节",
    lambda draw: f"口红 色号{draw.randrange(100, 999)}",
    lambda draw: f"{draw.randrange(1, 9)}楼的邻居推荐的，用了{draw.randrange(2, 30)}天",
    lambda draw: (
        f"ISBN 978-7-{_some(draw, digits, 3)}-{_some(draw, digits, 5)}-{draw.randrange(10)}"
    ),
    lambda draw: (
        f"{draw.randrange(10, 27)} inch screen, {draw.choice([60, 120, 144])} Hz, 1920x1080"
    ),
    lambda draw: "微信支付很方便，五星好评",
    lambda draw: "the wx series is great, wechat pay works",
    lambda draw: "一路走好，买它买它",
    lambda draw: f"call it a day: {draw.randrange(2, 9)} of 10",
    lambda draw: f"a 5 minute drive, {draw.randrange(2, 99)} items on the road",
    lambda draw: (
        f"批号 {_some(draw, digits, 8)} 有效期 2027-0{draw.randrange(1, 9)}-{draw.randrange(10, 28)}"
    ),
    lambda draw: f"SKU{_some(draw, digits, 10)}",
    lambda draw: (
        f"第{draw.randrange(2, 9)}次回购，{draw.randrange(2, 9)}号下单{draw.randrange(10, 29)}号到"
    ),
    lambda draw: f"MPN {_some(draw, digits, 6)}/{_some(draw, digits, 2)} A{draw.randrange(10)}",
)


def with_private(seed: int, each: int) -> Iterator[tuple[str, str, str]]:
    """Yield kind, what is private, and a text with it: `each` of every kind."""
    draw = Random(seed)
    for kind, make in PRIVATE.items():
        for _ in range(each):
            private = make(draw)
            yield kind, private, draw.choice(AROUND).format(private)


def without_private(seed: int, each: int) -> Iterator[str]:
    """Yield texts of shops that name and reach nobody: `each` of every sort."""
    draw = Random(seed)
    for make in HARMLESS:
        for _ in range(each):
            yield draw.choice(("{}", "{} 好用", "love it! {}", "{}，已经收到")).format(make(draw))
