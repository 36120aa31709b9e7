"""Names: what the deeds of shoppers are called, in every vocabulary that is read.

A name means one of our actions, or nothing that a profile needs: then its message is passed over,
which is no fault of anybody. Case, spaces, `_` and `-` make no difference. The sources are the
public specifications; the tables in docs/event-schema.md are written from here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from portrait.events.event import Action
from portrait.events.login import UNLINK
from portrait.reading.values import words

RESULTS = "view_search_results"  # results were shown, and nothing says what was asked
OTHER = "other"  # how a name is counted that we have never heard: producers may invent any number

_VERSION = re.compile(r"\.v\d+(?:\.\d+)*$", re.IGNORECASE)


@dataclass(frozen=True)
class Names:
    """The names of one vocabulary."""

    actions: Mapping[str, Action]  # as the specification writes them
    passed_over: tuple[str, ...] = ()
    _known: dict[str, Action | str] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._known.update({words(name): name for name in self.passed_over})
        self._known.update({words(name): action for name, action in self.actions.items()})

    def find(self, name: object) -> Action | str | None:
        """Return the action of a name, or the name itself if it is of no interest; None: unknown.

        Of a name with dots the last part counts, but for a version: `com.shop.cart.v1`.
        """
        if not isinstance(name, str):
            return None
        whole = self._known.get(words(name))
        if whole is not None or "." not in name:
            return whole
        return self._known.get(words(_VERSION.sub("", name).rsplit(".", 1)[-1]))


OURS = Names({action.value: action for action in Action}, (UNLINK,))

SEGMENT = Names(
    {
        "Products Searched": Action.SEARCH,
        "Product Clicked": Action.CLICK,
        "Product Viewed": Action.BROWSE,
        "Product Added": Action.CART,
        "Product Removed": Action.REMOVE,
        "Product Added to Wishlist": Action.WISH,
        "Wishlist Product Added to Cart": Action.CART,
        "Order Completed": Action.PURCHASE,
        "Order Refunded": Action.RETURN,
        "Order Cancelled": Action.RETURN,
        "Product Reviewed": Action.REVIEW,
        # of the first version of the specification
        "Searched Products": Action.SEARCH,
        "Clicked Product": Action.CLICK,
        "Viewed Product": Action.BROWSE,
        "Added Product": Action.CART,
        "Removed Product": Action.REMOVE,
        "Completed Order": Action.PURCHASE,
        "Refunded Order": Action.RETURN,
        "Cancelled Order": Action.RETURN,
        "Reviewed Product": Action.REVIEW,
    },
    (
        *("page", "screen", "identify", "group", "alias"),
        *("Product List Viewed", "Product List Filtered", "Promotion Viewed", "Promotion Clicked"),
        *("Cart Viewed", "Checkout Started", "Checkout Step Viewed", "Checkout Step Completed"),
        *("Payment Info Entered", "Order Updated", "Coupon Entered", "Coupon Applied"),
        *("Coupon Denied", "Coupon Removed", "Product Removed from Wishlist", "Product Shared"),
        *("Cart Shared", "Viewed Product Category", "Viewed Product List", "Viewed Promotion"),
        *("Clicked Promotion", "Viewed Cart", "Started Checkout", "Viewed Checkout Step"),
        *("Completed Checkout Step", "Entered Payment Info", "Updated Order", "Experiment Viewed"),
        *("Application Installed", "Application Opened", "Application Updated"),
        *("Application Backgrounded", "Application Crashed", "Application Uninstalled"),
        *("Push Notification Received", "Push Notification Tapped", "Push Notification Bounced"),
        *("Install Attributed", "Deep Link Opened", "Deep Link Clicked", "Email Delivered"),
        *("Email Opened", "Email Link Clicked", "Email Bounced", "Email Marked as Spam"),
        *("Unsubscribed", "Signed Up", "Signed In", "Signed Out", "Account Created"),
        *("Account Deleted", "Invite Sent", "Trial Started", "Trial Ended"),
    ),
)

SNOWPLOW = Names(
    {
        "product_view": Action.BROWSE,
        "list_click": Action.CLICK,
        "add_to_cart": Action.CART,
        "remove_from_cart": Action.REMOVE,
        "transaction": Action.PURCHASE,
        "refund": Action.RETURN,
        "site_search": Action.SEARCH,
    },
    (
        *("list_view", "checkout_step", "promo_view", "promo_click", "transaction_error"),
        *("page_view", "page_ping", "link_click", "submit_form", "focus_form", "change_form"),
        *("struct", "application_error", "social_interaction", "timing", "ad_impression"),
        *("screen_view", "application_background", "application_foreground", "transaction_item"),
    ),
)

GA4 = Names(
    {
        "view_item": Action.BROWSE,
        "select_item": Action.CLICK,
        "add_to_cart": Action.CART,
        "remove_from_cart": Action.REMOVE,
        "add_to_wishlist": Action.WISH,
        "purchase": Action.PURCHASE,
        "ecommerce_purchase": Action.PURCHASE,
        "in_app_purchase": Action.PURCHASE,
        "refund": Action.RETURN,
        "search": Action.SEARCH,
        "view_search_results": Action.SEARCH,
    },
    (
        *("view_item_list", "begin_checkout", "view_cart", "add_payment_info", "add_shipping_info"),
        *("view_promotion", "select_promotion", "select_content", "page_view", "screen_view"),
        *("session_start", "first_visit", "first_open", "user_engagement", "scroll", "click"),
        *("file_download", "form_start", "form_submit", "video_start", "video_progress"),
        *("video_complete", "login", "sign_up", "share", "generate_lead", "app_remove"),
        *("app_update", "app_exception", "os_update", "notification_receive", "notification_open"),
        *("join_group", "earn_virtual_currency", "spend_virtual_currency", "campaign_details"),
    ),
)

PERSONALIZE = Names(
    {
        "view": Action.BROWSE,
        "click": Action.CLICK,
        "addtocart": Action.CART,
        "removefromcart": Action.REMOVE,
        "addtowishlist": Action.WISH,
        "buy": Action.PURCHASE,
        "purchase": Action.PURCHASE,
    },
    ("watch", "rent", "share", "checkout"),
)

SHOPIFY = Names(
    {
        "product_viewed": Action.BROWSE,
        "product_added_to_cart": Action.CART,
        "product_removed_from_cart": Action.REMOVE,
        "checkout_completed": Action.PURCHASE,
        "search_submitted": Action.SEARCH,
    },
    (
        *("page_viewed", "cart_viewed", "collection_viewed", "checkout_started", "alert_displayed"),
        *("checkout_address_info_submitted", "checkout_contact_info_submitted", "clicked"),
        *("checkout_shipping_info_submitted", "payment_info_submitted", "form_submitted"),
        *("input_blurred", "input_changed", "input_focused", "ui_extension_errored"),
    ),
)

META = Names(
    {
        "ViewContent": Action.BROWSE,
        "AddToCart": Action.CART,
        "AddToWishlist": Action.WISH,
        "Purchase": Action.PURCHASE,
        "Search": Action.SEARCH,
    },
    (
        *("PageView", "InitiateCheckout", "AddPaymentInfo", "CompleteRegistration", "Contact"),
        *("CustomizeProduct", "Donate", "FindLocation", "Lead", "Schedule", "StartTrial"),
        *("SubmitApplication", "Subscribe", "ViewCategory"),
    ),
)

LOGS = Names(
    {
        # REES46
        "view": Action.BROWSE,
        "cart": Action.CART,
        "remove_from_cart": Action.REMOVE,
        "purchase": Action.PURCHASE,
        # Taobao's and Tmall's
        "pv": Action.BROWSE,
        "fav": Action.WISH,
        "buy": Action.PURCHASE,
    }
)

# What people call it where no specification says: in plain messages all names are understood.
_COMMON = Names(
    {
        "viewed": Action.BROWSE,
        "browsed": Action.BROWSE,
        "clicked": Action.CLICK,
        "searched": Action.SEARCH,
        "added": Action.CART,
        "basket": Action.CART,
        "add_to_basket": Action.CART,
        "remove_from_basket": Action.REMOVE,
        "removed": Action.REMOVE,
        "wishlist": Action.WISH,
        "favorite": Action.WISH,
        "favourite": Action.WISH,
        "collect": Action.WISH,
        "order": Action.PURCHASE,
        "bought": Action.PURCHASE,
        "purchased": Action.PURCHASE,
        "returned": Action.RETURN,
        "reviewed": Action.REVIEW,
        "rating": Action.REVIEW,
        "comment": Action.REVIEW,
    }
)

# What Chinese shops call it, also in the calls of vocabularies that let producers choose names.
CHINESE = Names(
    {
        "浏览": Action.BROWSE,
        "点击": Action.CLICK,
        "搜索": Action.SEARCH,
        "加购": Action.CART,
        "加入购物车": Action.CART,
        "移出购物车": Action.REMOVE,
        "收藏": Action.WISH,
        "购买": Action.PURCHASE,
        "下单": Action.PURCHASE,
        "支付": Action.PURCHASE,
        "付款": Action.PURCHASE,
        "评价": Action.REVIEW,
        "评论": Action.REVIEW,
        "退货": Action.RETURN,
        "退款": Action.RETURN,
        "取消订单": Action.RETURN,
    },
    ("取消收藏", "领券", "分享", "登录", "注册"),
)


def _together(several: Iterable[Names]) -> Names:
    """Join vocabularies; where one means something by a name and another nothing, it is meant."""
    actions: dict[str, Action] = {}
    passed_over: list[str] = []
    for names in several:
        actions |= {name: action for name, action in names.actions.items() if name not in actions}
        passed_over += names.passed_over
    return Names(actions, tuple(passed_over))


TRACKED = _together([SEGMENT, CHINESE])
ALL = _together([OURS, SEGMENT, SNOWPLOW, GA4, PERSONALIZE, SHOPIFY, META, LOGS, _COMMON, CHINESE])
