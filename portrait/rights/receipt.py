"""Receipts: signed statements of what of somebody went from where, and when.

A receipt is a JWS in its JSON form (RFC 7515, section 7.2.2), signed with Ed25519 (RFC 8037): any
library of JOSE verifies it with the public key alone, and `portrait receipt verify` does.
"""

import json
from datetime import datetime

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from portrait.errors import PortraitError, SettingsInvalidError
from portrait.rights.erasure_job import ErasureJob, Place, PlaceState

ALGORITHM = "Ed25519"
LARGEST = 65_536  # bytes


class ReceiptInvalidError(PortraitError):
    """This key has not signed it: somebody has changed it, or the key is another."""


class Receipt(BaseModel):
    """What is signed: no id, no text."""

    model_config = ConfigDict(frozen=True)

    format: str = "portrait-erasure-receipt/1"
    job: str
    shop: str | None = Field(
        None,
        description="In whose shop, where there are several: one key signs for all, and somebody "
        "may be called alike in each.",
    )
    subject: str = Field(description="The hash of the user's id.")
    asked_at: AwareDatetime
    signed_at: AwareDatetime
    places: dict[Place, PlaceState]
    champion: str | None = Field(description="The model that served when it was asked for.")
    model_without: str | None = Field(
        description="The first in service that was made without them: its sums over people "
        "(co-occurrence, what comes after what, the regression) are to the last bit those of a "
        "shop that never had them, and its weights learned from nothing of theirs. Null: none "
        "yet; the next one that is trained and promoted is."
    )
    began_from: str | None = Field(
        None,
        description="The model whose weights the training of that one began from, and which may "
        "have learned from them: what it knew fades with every training, and nobody subtracts it.",
    )


class _Flattened(BaseModel):
    """A JWS in its flattened JSON form."""

    protected: str
    payload: str
    signature: str


def receipt_of(job: ErasureJob, now: datetime, shop: str | None = None) -> Receipt:
    """Say how far an erasure is, of a shop where there are several."""
    return Receipt(
        job=job.id,
        shop=shop,
        subject=job.subject,
        asked_at=job.asked_at,
        signed_at=now,
        places=job.places,
        champion=job.champion,
        model_without=job.places[Place.MODEL].model,
        began_from=job.places[Place.MODEL].began_from,
    )


def read_key(pem: bytes, *, private: bool) -> OKPKey:
    """Read a key.

    Raises:
        SettingsInvalidError: It is none of Ed25519, or only the public half of one.
    """
    try:
        key = OKPKey.import_key(pem)
    except (JoseError, ValueError, TypeError):
        key = None
    if key is None or key.curve_name != ALGORITHM or (private and not key.is_private):
        half = "private" if private else "public"
        msg = f"No {half} key of Ed25519: make one by `openssl genpkey -algorithm ed25519`."
        raise SettingsInvalidError(msg)
    return key


def signed(receipt: Receipt, key: OKPKey) -> str:
    """Sign a receipt. Returns the JWS as JSON."""
    protected = {"alg": ALGORITHM, "kid": key.thumbprint(), "typ": "JOSE+JSON"}
    payload = receipt.model_dump_json().encode()
    return json.dumps(jws.serialize_json({"protected": protected}, payload, key, [ALGORITHM]))


def verified(written: str, key: OKPKey) -> Receipt:
    """Return what a key has signed.

    Raises:
        ReceiptInvalidError: It has not.
    """
    try:
        if len(written) > LARGEST:
            raise ReceiptInvalidError
        parts = _Flattened.model_validate_json(written)
        whole = f"{parts.protected}.{parts.payload}.{parts.signature}"
        payload = jws.deserialize_compact(whole, key, [ALGORITHM]).payload
        return Receipt.model_validate_json(payload or b"")
    except (JoseError, ValidationError, ValueError, TypeError) as error:
        raise ReceiptInvalidError from error
