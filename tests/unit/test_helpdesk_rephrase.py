"""Other words: what a model may not add to a reply."""

import pytest

from portrait.helpdesk.rephrase import RephrasingError, check_rephrased

REPLY = "Your order {order_id} is on its way to you. You can send it back within 30 days."
CHINESE = "您好，您的订单 {order_id} 正在路上，收货后 30 天内可以退货。"  # noqa: RUF001


@pytest.mark.parametrize(
    ("template", "rephrased"),
    [
        (REPLY, "Good news: {order_id} is already travelling; sending back is fine for 30 days."),
        (REPLY, "We have sent {order_id}. Please note that returns are possible within 30 days."),
        (CHINESE, "亲，订单 {order_id} 已经在路上啦，收到后 30 天内都能退货哦。"),  # noqa: RUF001
    ],
)
def test_the_same_in_other_words_is_let_through(template: str, rephrased: str) -> None:
    check_rephrased(template, rephrased)


@pytest.mark.parametrize(
    ("template", "rephrased", "told"),
    [
        (REPLY, "Your order {order_id} is on its way, 60 days to send it back.", "a number"),
        (REPLY, "Your order {order_id} comes in two days; 30 days to send it back.", "a number"),
        (REPLY, "Your order {order_id} is coming. 30 days, see www.evil.example", "an address"),
        (REPLY, "Your order {order_id} is coming. 30 days. Write to a@b.com", "an address"),
        (REPLY, "Your order {order_id} is coming. You get $ within 30 days", "an amount"),
        (REPLY, "Your order {order_id} is coming. 30 days, free of charge.", "a promise"),
        (REPLY, "Your order {order_id} is coming, 30 days. John will call.", "a name"),
        (REPLY, "John from DHL has {order_id}; 30 days to send it back.", "a name"),
        (REPLY, "Your order is coming. You can send it back within 30 days.", "slots"),
        (REPLY, "{order_id} {order_id} is coming; 30 days.", "slots"),
        (REPLY, "{order_id} of {name} is coming; 30 days.", "slots"),
        (REPLY, "{order_id} is coming; 30 days. {", "brace"),
        (REPLY, "{order_id} is coming, you idiot; 30 days.", "hurt"),
        (REPLY, "{order_id} 正在路上", "another language"),
        (REPLY, "{order_id} cannot be sent back within 30 days.", "says no"),
        (REPLY, " ", "empty"),
        (REPLY, "{order_id} 30 days " + "and so on " * 80, "longer"),
        (CHINESE, "您好，订单 {order_id} 三天后送达，30 天内可以退货。", "a number"),  # noqa: RUF001
        (CHINESE, "您好，订单 {order_id} 在路上，30 天内免费退货。", "a promise"),  # noqa: RUF001
        (CHINESE, "您好，我是王经理，订单 {order_id} 在路上，30 天内可退。", "a person"),  # noqa: RUF001
        (CHINESE, "您好，订单 {order_id} 在路上，不可以退货。", "says no"),  # noqa: RUF001
    ],
)
def test_what_adds_something_is_refused_and_the_kind_is_told(
    template: str, rephrased: str, told: str
) -> None:
    with pytest.raises(RephrasingError, match=told):
        check_rephrased(template, rephrased)
