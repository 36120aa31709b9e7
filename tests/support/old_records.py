"""Records as older programs wrote them."""

from base64 import b85decode
from zlib import decompress

# Of two events, on layout 1, by the program that knew no other: a purchase of three pieces at 2.5,
# and before it a click that said no price.
LAYOUT_1 = decompress(
    b85decode(
        "c-muN00Sl_Mh1q<OhDEhg_7w&HX|DCBg+5>j11V>V1pPi0W%IZGGN6a&dxv_;Km`&LqH$Qe>@oOS8!lvV1b7RH&(whVwlIoF!BHZv!V<k"
    )
)
