"""Addresses: which of them are reached from their own machine alone."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Say whether a host, by address or name, is this very machine and nobody else reaches it."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_private_way(url: str) -> bool:
    """Say whether nobody listens on the way to a URL: it is TLS, or stays on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")
