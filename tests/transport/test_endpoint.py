"""Where nodes are, as people write it."""

from __future__ import annotations

import pytest

from pyrpc.errors import ConfigError
from pyrpc.transport.endpoint import Endpoint, default_port, parse_endpoints, parse_port


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("host:1", "host", 1),
        (" 10.0.0.5:9091 ", "10.0.0.5", 9091),
        ("node-1.example.org:65535", "node-1.example.org", 65535),
        ("[::1]:80", "::1", 80),
        ("localhost", "localhost", 9090),
        ("[fe80::1]", "fe80::1", 9090),
        ("::1", "::1", 9090),
    ],
)
def test_endpoint_is_read(monkeypatch: pytest.MonkeyPatch, text: str, host: str, port: int) -> None:
    monkeypatch.delenv("PYRPC_PORT", raising=False)
    endpoint = Endpoint.parse(text)
    assert (endpoint.host, endpoint.port) == (host, port)
    assert Endpoint.parse(str(endpoint)) == endpoint


@pytest.mark.parametrize("text", ["", ":80", "h:port", "h:-1", "h:65536", "http://h:1", "h h:1", "[::1", "[::1]80"])
def test_what_is_no_endpoint_is_quoted_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Endpoint.parse(text)
    assert text.strip() in str(caught.value.got)
    assert "host:port" in str(caught.value.help)


def test_several_are_read_in_order_and_each_once() -> None:
    first, second = Endpoint("a", 1), Endpoint("b", 2)
    assert parse_endpoints("a:1,b:2, a:1,") == (first, second)
    assert parse_endpoints(["b:2", first]) == (second, first)
    assert parse_endpoints(first) == (first,)


@pytest.mark.parametrize("nothing", ["", " , ", [], ()])
def test_no_endpoint_at_all_is_refused(nothing: object) -> None:
    with pytest.raises(ConfigError, match="no endpoint"):
        parse_endpoints(nothing)  # type: ignore[arg-type]


def test_environment_names_the_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRPC_ENDPOINTS", "a:1,b:2")
    assert parse_endpoints(None) == (Endpoint("a", 1), Endpoint("b", 2))
    monkeypatch.delenv("PYRPC_ENDPOINTS")
    monkeypatch.setenv("PYRPC_PORT", "1234")
    assert parse_endpoints(None) == (Endpoint("127.0.0.1", 1234),)
    monkeypatch.delenv("PYRPC_PORT")
    assert parse_endpoints(None) == (Endpoint("127.0.0.1", 9090),)


def test_bad_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRPC_PORT", "ninety")
    with pytest.raises(ConfigError, match="PYRPC_PORT=ninety"):
        default_port()


def test_port_0_may_be_asked_for() -> None:
    assert parse_port("0") == 0
