"""TLS of our own ports: who trusts the authority is answered, and nobody speaks in plain."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from warnings import catch_warnings

import httpx
import pytest

from portrait.errors import SettingsInvalidError
from portrait.health import serve_health
from portrait.settings import Settings
from portrait.tls import context_of
from sandbox.ports import free_port
from sandbox.processes import python, running
from sandbox.servers import Servers
from tests.support.certificates import Certificates, certify
from tests.support.processes import environment, until


@dataclass(frozen=True)
class Serving:
    """A service that speaks TLS."""

    port: int
    health: int
    certificates: Certificates

    def get(self, port: int, path: str = "/livez") -> httpx.Response:
        trusted = ssl.create_default_context(cafile=str(self.certificates.authority))
        return httpx.get(f"https://127.0.0.1:{port}{path}", verify=trusted, timeout=20)

    def is_alive(self) -> bool:
        try:
            return self.get(self.port).status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def serving(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("tls")
    certificates = certify(folder / "certificates")
    it = Serving(free_port(), free_port(), certificates)
    settings = environment(servers.kafka, servers.redis) | {
        "PORTRAIT_PORT": str(it.port),
        "PORTRAIT_HEALTH_PORT": str(it.health),
        "PORTRAIT_TLS_CERTIFICATE_FILE": str(certificates.server),
    }
    with running(python("service"), folder / "service.log", settings):
        asyncio.run(until(it.is_alive, "the service answers"))
        yield it


def test_both_ports_answer_who_trusts_the_authority(serving: Serving) -> None:
    assert serving.get(serving.port).json()["status"] == "alive"
    assert serving.get(serving.health).json()["status"] == "alive"
    assert "portrait_requests_total" in serving.get(serving.health, "/metrics").text


def test_who_does_not_trust_it_gets_nothing(serving: Serving) -> None:
    for port in (serving.port, serving.health):
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"https://127.0.0.1:{port}/livez")


def test_nobody_is_answered_in_plain(serving: Serving) -> None:
    for port in (serving.port, serving.health):
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/livez")


async def test_who_begins_a_handshake_and_stops_is_left_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portrait.listening.ListeningServer.handshake_seconds", 3.0)
    certificates = certify(tmp_path / "certificates")
    port, context = free_port(), context_of(Settings(tls_certificate_file=certificates.server))
    trusted = ssl.create_default_context(cafile=str(certificates.authority))

    async with serve_health("127.0.0.1", port, {}, tls=context):
        await until(lambda: _is_listening(port), "it listens")
        stalled = [await asyncio.open_connection("127.0.0.1", port) for _ in range(200)]
        for _, writer in stalled:
            writer.write(b"\x16\x03\x01\x02\x00")  # the head of a hello, and no more
        async with httpx.AsyncClient(verify=trusted) as client:
            answer = await client.get(f"https://127.0.0.1:{port}/livez", timeout=20)
        async with asyncio.timeout(20):  # asyncio's own is a minute
            left = [await reader.read() for reader, _ in stalled]
        for _, writer in stalled:
            writer.close()

    assert answer.status_code == 200
    assert left == [b""] * 200


def _is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_old_versions_are_refused(serving: Serving) -> None:
    old = ssl.create_default_context(cafile=str(serving.certificates.authority))
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    with catch_warnings(action="ignore"):  # they are old, indeed
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises(httpx.TransportError):
        httpx.get(f"https://127.0.0.1:{serving.port}/livez", verify=old)


def test_files_without_a_certificate_are_refused(tmp_path: Path) -> None:
    certificates = certify(tmp_path / "certificates")
    other = certify(tmp_path / "others")
    empty = tmp_path / "empty.pem"
    empty.touch()

    for certificate, key in (
        (empty, None),
        (certificates.authority, None),
        (certificates.server, other.server),
    ):
        settings = Settings(tls_certificate_file=certificate, tls_key_file=key)
        with pytest.raises(SettingsInvalidError, match="PORTRAIT_TLS_CERTIFICATE_FILE"):
            context_of(settings)
