"""TLS of our own ports: who connects sees a certificate, and nobody on the way sees the rest."""

import ssl

from portrait.errors import SettingsInvalidError
from portrait.settings import Settings, variable


def context_of(settings: Settings) -> ssl.SSLContext | None:
    """Return what our ports speak TLS by, from 1.2 on; None: they speak plain HTTP.

    Raises:
        SettingsInvalidError: The files hold no certificate with its key.
    """
    certificate = settings.tls_certificate_file
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, settings.tls_key_file, _no_password)
    except (ssl.SSLError, OSError, ValueError) as error:
        cause = getattr(error, "reason", None) or type(error).__name__
        name = variable("tls_certificate_file")
        msg = f"{name}: there is no certificate with its key, without a password, in it ({cause})."
        raise SettingsInvalidError(msg) from None
    return context


def _no_password() -> str:
    """Answer for a key that is locked: nobody is there to be asked."""
    msg = "the key has a password"
    raise ValueError(msg)
