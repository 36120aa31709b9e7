"""The door: between the last look and the closing of a listening socket nobody comes in."""

import socket
from collections.abc import Iterator

import pytest

from service.http.door import is_anybody_waiting, let_nobody_in

A_MOMENT = 0.3  # seconds; a connection on this machine takes none


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_who_is_in_already_is_still_to_be_taken(listening: socket.socket) -> None:
    with socket.create_connection(listening.getsockname()) as client:
        let_nobody_in([listening])

        assert is_anybody_waiting([listening])
        taken, _ = listening.accept()
        with taken:
            client.sendall(b"hello")
            assert taken.recv(5) == b"hello"
        assert not is_anybody_waiting([listening])


def test_who_comes_later_is_let_wait_and_refused_after_the_closing(
    listening: socket.socket,
) -> None:
    let_nobody_in([listening])

    with pytest.raises(TimeoutError):
        socket.create_connection(listening.getsockname(), A_MOMENT)
    assert not is_anybody_waiting([listening])
    address = listening.getsockname()
    listening.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
