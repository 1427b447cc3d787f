"""Addresses on the command line."""

from __future__ import annotations

import pytest

from fenghuo.app.options import Address, ServerOptions, parse_address
from fenghuo.base.errors import InputError


@pytest.mark.parametrize(
    ("text", "address", "loopback", "shown"),
    [
        ("127.0.0.1:9470", Address("127.0.0.1", 9470), True, "127.0.0.1:9470"),
        ("localhost:0", Address("localhost", 0), True, "localhost:0"),
        ("[::1]:80", Address("::1", 80), True, "[::1]:80"),
        (":9470", Address("0.0.0.0", 9470), False, "0.0.0.0:9470"),
        ("monitor.example:1", Address("monitor.example", 1), False, "monitor.example:1"),
    ],
)
def test_addresses(text: str, address: Address, loopback: bool, shown: str) -> None:
    parsed = parse_address(text)

    assert (parsed, parsed.is_loopback, str(parsed)) == (address, loopback, shown)


@pytest.mark.parametrize("text", ["", "9470", "host:", "host:http", "host:65536", "a host:80", "host:-1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(InputError, match="is not an address to listen on"):
        parse_address(text)


def test_the_command_line_goes_before_the_file() -> None:
    options = ServerOptions(listen=Address("127.0.0.1", 1))

    assert options.address("0.0.0.0:2").port == 1
    assert ServerOptions().address("0.0.0.0:2").port == 2
    assert str(ServerOptions().address(None)) == "127.0.0.1:9470"


def test_no_auth_stays_on_this_machine() -> None:
    assert ServerOptions(no_auth=True).address("127.0.0.1:1").port == 1
    with pytest.raises(InputError, match=r"--no-auth is refused on 0\.0\.0\.0:1"):
        ServerOptions(no_auth=True).address("0.0.0.0:1")
