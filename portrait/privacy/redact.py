"""Redact: what names or reaches a person is taken out of free text before anybody keeps it.

    "寄中山路88号，微信 anna_88，手机 138 0013 8000"
    ─▶  "[address]，微信 [account]，手机 [phone]"

People write such things into searches and reviews, and producers into titles. Each kind has a
recogniser: a pattern that takes linear time, and where there is one, its check digit. A number that
could as well be an article's counts as a phone or an account only beside a word that says so.

Signs of full width are read as if they were not, and signs that nobody sees as if they were not
there; a text of which nothing is taken out stays as it was written.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address
from string import ascii_lowercase, ascii_uppercase

Found = re.Match[str]

_PLACEHOLDER = re.compile(r"\[(?:email|account|iban|id|card|ip|phone|plate|address)\]")

# No text without one of these holds anything that is looked for: most end here.
_MAY_HOLD = re.compile(
    r"[0-9０-９@＠号]|微信|薇信|[vV]信|(?i:wechat|weixin)|(?<![A-Za-z])[vVwW][xX](?![A-Za-z])|[(\[]\s?at\s?[)\]]"
)
_DIGIT = re.compile(r"[0-9]")
_FULL = "０１２３４５６７８９＠．－＋（）％　"
_LETTERS = "".join(map(chr, (*range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))))  # of full width
_UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad"  # stand between signs, and nobody sees them
_WIDE = str.maketrans(
    _FULL + _LETTERS, "0123456789@.-+()% " + ascii_uppercase + ascii_lowercase, _UNSEEN
)

_LATIN = r"A-Za-z0-9\u00c0-\u024f"
_EMAIL = re.compile(
    rf"(?<![{_LATIN}_.%+-])[{_LATIN}_%+-](?:[{_LATIN}_.%+-]{{0,62}}[{_LATIN}_%+-])?"
    r"(?:@|%40|\s?[\[(]\s?at\s?[\])]\s?)"
    rf"(?:[{_LATIN}-]{{1,63}}(?:\.[{_LATIN}-]{{1,63}}){{0,6}}\.[A-Za-z]{{2,24}}(?![{_LATIN}-])"
    r"|[A-Za-z0-9\u4e00-\u9fa5-]{1,63}\.(?:中国|中國|公司|网络|網絡|cn|com))",
    re.IGNORECASE,
)
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?"
    r"|[a-z]{2}\d{2}(?:(?: ?\d{4}){2,7}(?: ?\d{1,3})?|[a-z0-9]{11,30}))(?![A-Za-z0-9])",
    re.ASCII,
)
_CHINESE_ID = re.compile(
    r"(?<!\d)[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])",
    re.ASCII,
)
_CARD = re.compile(
    r"(?<![\d-])[2-6]\d{3}[ -]?\d{4,6}[ -]?\d{4,5}(?:[ -]?\d{1,4}){0,2}(?![\d-])", re.ASCII
)
_ISSUED = re.compile(  # how the numbers of the great issuers begin, and how long they are
    r"4\d{15}(?:\d{3})?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|(?:62|60|65|35)\d{14,17}",
    re.ASCII,
)
_IBAN_LENGTHS = range(15, 35)
_IPV4 = re.compile(
    r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?![\d]|\.\d)",
    re.ASCII,
)
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{2,39}:[0-9A-Fa-f]{0,4}(?![\w:])", re.ASCII)
_PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-NP-Z][·•. ]?"
    r"(?=[A-HJ-NP-Z]{0,5}\d)[A-HJ-NP-Z0-9]{4,5}[A-HJ-NP-Z0-9挂学警港澳](?![A-Za-z0-9])"
)
_ACCOUNT = re.compile(
    r"(?P<said>(?:微信|薇信|v信|wechat|weixin|(?<![a-z0-9])[vw]x|加v)(?:号码|号|\s?id)?(?:\s?(?:[:：是为]|is\b)|\s){0,3})"
    r"(?P<id>[A-Za-z][A-Za-z0-9_-]{5,19})(?![A-Za-z0-9_-])",
    re.IGNORECASE,
)
_ACCOUNT_WORDS = ("微信", "薇信", "v信", "wechat", "weixin", "vx", "wx", "加v")
# Numbers that are an account or a phone where a word before them says so.
_LONG_NUMBER = re.compile(
    r"(?<![\d.])(?<!\d[-+ ()/])(?:\+|\(\+?)?\d(?:[ ()./-]{0,2}\d){4,14}(?!\d)", re.ASCII
)
_QQ_BEFORE = re.compile(
    r"(?:(?<![a-z])qq|扣扣|企鹅号)(?:号码|群号|群|号)?(?:\s?[:：是为]|\s){0,3}$", re.IGNORECASE
)
_PHONE_BEFORE = re.compile(
    r"(?:电话|手机|热线|联系方式|致电|来电|拨打"
    r"|(?<![a-z])(?:phone|tel|telephone|mobile|cell|call|whatsapp|fax|telefon|handy)(?![a-z])"
    r"|(?<![a-z])text (?:me|us))\.?"
    r"(?:\s?(?:号码|号|number|no\b|me\b|us\b|at\b|on\b|is\b|nummer)\.?){0,3}"
    r"(?:\s?[:：是为#]|\s){0,3}$",
    re.IGNORECASE,
)
_BEFORE = 32  # signs in which that word stands
_QQ_DIGITS, _PHONE_DIGITS = range(5, 12), range(7, 16)
_DIGITS, _FAR_DIGITS = 8, 10  # of a phone at least: in a country, and behind 00
_SIX, _GROUPS = 6, 3  # the version, and groups of an address: `::35` is a time, or none
_PHONE = re.compile(
    r"(?<![\w.+-])(?:"
    r"(?:\+?86[ -]?|0086[ -]?)?1[3-9]\d(?:(?:[ -]?\d{4}){2}|(?:\.\d{4}){2})"  # mobile, China
    r"|(?:\(0\d{2,3}\)\s?|0\d{2,3}[- ])\d{3,4}[ -]?\d{4}"  # landline, China
    r"|[48]00[- ]\d{3,4}[- ]\d{3,4}"
    r"|(?:\+?1[-. ]?)?(?:\([2-9]\d\d\)\s?|[2-9]\d\d[-. ])[2-9]\d\d[-. ]\d{4}"  # North America
    r"|(?:\+[1-9]\d{0,2}|00[1-9]\d{0,2}(?=[ ./-]))(?:[ ./-]?\(0\))?"  # of any country
    r"(?:[ ./-]{0,2}\(?\d{1,5}\)?){2,6}"
    r"|0[1-9](?:[ .-]\d\d){4}"  # France
    r"|0\d{2,4}[ /-]\d{3,4}[ ]?\d{3,6}"  # Germany, United Kingdom
    r")(?![\w]|[.-]\d)",
    re.ASCII,
)
_NUMERAL = r"[0-9一二三四五六七八九十百]{1,5}"
_HOUSE = re.compile(  # what ends an address, and what may follow it
    rf"{_NUMERAL}\s?(?:号楼|号院|号|弄|巷|组|栋|幢|楼|单元|座|层|室)"
    rf"(?:\s?[A-Za-z]?[-\s]?{_NUMERAL}\s?(?:号楼|号|弄|栋|幢|楼|单元|座|层|室)){{0,5}}"
)
_WAY_BEFORE = re.compile(
    r"(?:[\u4e00-\u9fa5]{2,8}?[省市区县州盟旗]){0,4}"
    r"[\u4e00-\u9fa5]{1,8}?(?:大道|大街|路|街|胡同|弄|镇|乡|村|小区|花园|里|苑)[\u4e00-\u9fa5]{0,6}\s?$"
)
_ADDRESS_BEFORE = 40  # signs of an address before its number
_MOST_HOUSES = 16  # numbers that are looked at; of more, all are taken for addresses
_STREET = r"(?:street|avenue|road|boulevard|lane|drive|court|crescent|terrace)"
_STREET_SHORT = r"(?:St|Ave|Rd|Blvd|Ln|Dr|Ct|Pl|Sq|Way|Square|Place|Close)"
_NO_STREET = (
    r"(?!(?i:the|on|in|of|an?|to|for|and|with|from|degrees?|minutes?|miles?|hours?|days?|weeks?"
    r"|items?|pcs|packs?|inch|long|short)\b)"
)
_ADDRESS = re.compile(
    rf"(?<![A-Za-z0-9.$€£])\d{{1,5}}[A-Za-z]?\s(?:{_NO_STREET}(?:[A-Za-z][a-z'.]{{1,15}}|\d{{1,3}}(?:st|nd|rd|th))\s){{1,3}}?"
    rf"(?:(?i:{_STREET})|{_STREET_SHORT})\b\.?"
    r"(?:,?\s(?:(?i:apt|suite|unit|flat|floor)\.?\s?#?|#)\s?\w{1,6})?"
    r"(?:,\s[A-Z][A-Za-z. ]{1,24}?(?=,|\s[A-Z]{2}\s\d|$))?"
    r"(?:,?\s[A-Z]{2}\s\d{5}(?:-\d{4})?)?"
)
_GERMAN_ADDRESS = re.compile(
    r"(?<![A-Za-zÄÖÜäöüß])[A-ZÄÖÜ][a-zäöüß-]{2,24}(?:straße|strasse|str\.|weg|platz|allee|gasse)\s\d{1,4}(?:\s?[a-h])?\b(?:,?\s\d{5}\s[A-ZÄÖÜ][a-zäöüß]{1,24})?"
)


def redacted(text: str) -> str:
    """Return a text without what names or reaches a person: each is replaced by its kind.

    Source: recognisers of Microsoft Presidio (MIT) for the kinds; GB 11643-1999 (identity numbers),
    ISO 7812 (cards), ISO 13616 (IBAN), RFC 5322 and RFC 4291, each read anew.
    """
    if _MAY_HOLD.search(text) is None:
        return text
    read = text.translate(_WIDE)
    clean, lowered = read, read.lower()
    if "@" in clean or "%40" in clean or "at" in lowered:
        clean = _EMAIL.sub("[email]", clean)
    if any(word in lowered for word in _ACCOUNT_WORDS):
        clean = _ACCOUNT.sub(_after_word, clean)
    digits = len(_DIGIT.findall(clean))
    for least, pattern, replace in _OF_DIGITS:
        if digits >= least:
            clean = pattern.sub(replace, clean)
    if digits or "号" in clean:
        clean = _without_addresses(clean)
    return text if clean == read else clean


def is_redacted(text: str) -> bool:
    """Say whether something was taken out of a text; or somebody wrote as if it had been."""
    return "[" in text and _PLACEHOLDER.search(text) is not None


def without_marks(text: str) -> str:
    """Return a redacted text without what stands where something was taken out."""
    return _PLACEHOLDER.sub(" ", text) if "[" in text else text


def _without_addresses(text: str) -> str:
    """Take Chinese addresses out: from the widest name to the last number."""
    kept, at = [], 0
    for count, house in enumerate(_HOUSE.finditer(text)):
        since = max(at, house.start() - _ADDRESS_BEFORE)
        way = _WAY_BEFORE.search(text, since, house.start()) if count < _MOST_HOUSES else None
        if way is None and count < _MOST_HOUSES:
            continue
        kept += [text[at : house.start() if way is None else way.start()], "[address]"]
        at = house.end()
    return "".join([*kept, text[at:]])


def _after_word(found: Found) -> str:
    """Replace a name after a word that says what it is; a word like Pay, in WeChat Pay, is none."""
    is_said = any(sign in found["said"] for sign in ":：号")
    looks_so = not found["id"].isalpha()
    return f"{found['said']}[account]" if is_said or looks_so else found[0]


def _called(found: Found) -> str:
    """Replace a number if the words before it say that it is a phone, or an account."""
    before = found.string[max(0, found.start() - _BEFORE) : found.start()]
    digits = len(_DIGIT.findall(found[0]))
    if digits in _QQ_DIGITS and found[0].isdecimal() and _QQ_BEFORE.search(before):
        return "[account]"
    if digits in _PHONE_DIGITS and _PHONE_BEFORE.search(before):
        return "[phone]"
    return found[0]


def _if(kind: str, is_one: Callable[[str], bool]) -> Callable[[Found], str]:
    """Replace what is right by its check digit."""
    return lambda found: f"[{kind}]" if is_one(found[0]) else found[0]


def _is_chinese_id(number: str) -> bool:
    """Say whether the last digit is right: ISO 7064, MOD 11-2."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    rest = sum(int(digit) * weight for digit, weight in zip(number[:17], weights, strict=True)) % 11
    return "10X98765432"[rest] == number[17].upper()


def _is_card(written: str) -> bool:
    """Say whether it is a number of a card: who issued it, how long it is, and Luhn."""
    number = re.sub(r"[ -]", "", written)
    return _ISSUED.fullmatch(number) is not None and _luhn(number)


def _luhn(number: str) -> bool:
    """Say whether the last digit is right: every other one counts twice, its digits added up."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return sum(digits[::2] + doubled) % 10 == 0


def _is_iban(written: str) -> bool:
    """Say whether the check digits are right: ISO 7064, MOD 97-10."""
    number = written.replace(" ", "")
    turned = number[4:] + number[:4]
    is_right = int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1
    return len(number) in _IBAN_LENGTHS and is_right


def _is_phone(written: str) -> bool:
    """Say whether it has the digits of a phone; behind two zeros more, for articles begin so."""
    return len(_DIGIT.findall(written)) >= (_FAR_DIGITS if written.startswith("00") else _DIGITS)


def _is_ipv6(written: str) -> bool:
    try:
        is_one = ip_address(written).version == _SIX
    except ValueError:
        return False
    return is_one and sum(map(bool, written.split(":"))) >= _GROUPS


# The least digits that a kind has, its pattern, and what comes in its place; in this order.
_OF_DIGITS: tuple[tuple[int, re.Pattern[str], str | Callable[[Found], str]], ...] = (
    (11, _IBAN, _if("iban", _is_iban)),
    (17, _CHINESE_ID, _if("id", _is_chinese_id)),
    (15, _CARD, _if("card", _is_card)),
    (4, _IPV4, "[ip]"),
    (1, _IPV6, _if("ip", _is_ipv6)),
    (5, _LONG_NUMBER, _called),
    (7, _PHONE, _if("phone", _is_phone)),
    (1, _PLATE, "[plate]"),
    (1, _ADDRESS, "[address]"),
    (1, _GERMAN_ADDRESS, "[address]"),
)
