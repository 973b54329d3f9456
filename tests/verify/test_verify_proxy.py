"""Files through a proxy that somebody has named: it looks up the names, everything else is judged as without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bureau import Bureau
from einvoices import pdf
from fapiao.engine.host_rules import HostRules, Refused
from fapiao.errors import ConfigurationError
from fapiao.layouts.downloads import Downloader
from fapiao.testing.loopback import Answer, Call, LoopbackServer
from proxying import Proxy, secure_files, write_certificate

HOST = "files.vendor.invalid"
"""A name that no resolver knows."""
CONTENT = pdf("24990112810000000001")


class Files:
    """A file host; ``/away`` leads to where ``leads_to`` says."""

    leads_to = ""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def __call__(self, call: Call) -> Answer:
        self.calls.append(call)
        if call.path == "/away":
            return Answer(status=302, headers=(("Location", self.leads_to),))
        return Answer(body=CONTENT, content_type="application/pdf")


@pytest.fixture
def files() -> Iterator[tuple[Files, int]]:
    host = Files()
    server = LoopbackServer(host)
    server.start()
    yield host, int(server.base_url.rpartition(":")[2])
    server.stop()


@pytest.fixture
def proxy(files: tuple[Files, int]) -> Iterator[Proxy]:
    with Proxy({HOST: files[1], "127.0.0.1": files[1]}).running() as it:
        yield it


@pytest.fixture
def through(proxy: Proxy) -> Callable[..., HostRules]:
    def rules(**settings: Any) -> HostRules:
        return HostRules(hosts=frozenset({HOST}), allow_http=True, proxy=proxy.url, **settings)

    return rules


def fetched(rules: HostRules, url: str) -> bytes:
    with Downloader(rules, timeout=5).fetch(url, "pdf") as file:
        assert file.host == HOST
        return file.path.read_bytes()


def test_a_file_comes_through_the_proxy_without_a_look_up_here(
    through: Callable[..., HostRules], proxy: Proxy, files: Any
) -> None:
    assert fetched(through(), f"http://{HOST}/a.pdf?sign=1") == CONTENT
    assert proxy.asked == [f"GET http://{HOST}:80"]
    assert (files[0].calls[0].path, files[0].calls[0].query) == ("/a.pdf", "sign=1")


def test_https_is_tunnelled_and_its_certificate_is_the_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = write_certificate(HOST, tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with secure_files(certificate, CONTENT) as server, Proxy({HOST: server.server_port}).running() as proxy:
        rules = HostRules(hosts=frozenset({HOST}), proxy=proxy.url)
        assert fetched(rules, f"https://{HOST}/a.pdf") == CONTENT
        assert (proxy.asked, server.hosts) == ([f"CONNECT {HOST}:443"], [HOST])
    other = write_certificate("somebody-else.invalid", tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    with secure_files(other, CONTENT) as server, Proxy({HOST: server.server_port}).running() as proxy:
        rules = HostRules(hosts=frozenset({HOST}), proxy=proxy.url)
        with pytest.raises(Refused, match="certificate"):
            fetched(rules, f"https://{HOST}/a.pdf")


def test_a_host_that_the_connection_does_not_name_is_not_asked_for(
    through: Callable[..., HostRules], proxy: Proxy
) -> None:
    with pytest.raises(Refused, match="not among those"):
        fetched(through(), "http://other.vendor.invalid/a.pdf")
    assert proxy.asked == []


def test_a_private_address_in_place_of_a_name_is_still_refused(proxy: Proxy) -> None:
    rules = HostRules(hosts=frozenset({"127.0.0.1"}), allow_http=True, proxy=proxy.url)
    with pytest.raises(Refused, match="private or local"):
        fetched(rules, "http://127.0.0.1/a.pdf")
    assert proxy.asked == []


@pytest.mark.parametrize(
    ("leads_to", "reason"),
    [
        ("http://169.254.169.254/latest/", "not among those"),
        ("http://elsewhere.invalid/", "not among those"),
        ("file:///etc/passwd", "the scheme 'file'"),
    ],
)
def test_a_redirect_is_judged_again_behind_the_proxy(
    through: Callable[..., HostRules], proxy: Proxy, files: Any, leads_to: str, reason: str
) -> None:
    files[0].leads_to = leads_to
    with pytest.raises(Refused, match=reason):
        fetched(through(), f"http://{HOST}/away")
    assert len(proxy.asked) == 1


def test_a_proxy_that_lets_nobody_through_is_named_and_tried_again_later(files: Any) -> None:
    with Proxy({}).running() as proxy:
        rules = HostRules(hosts=frozenset({HOST}), proxy=proxy.url)
        with pytest.raises(Refused, match="through file_proxy") as caught:
            fetched(rules, f"https://{HOST}/a.pdf")
    assert not caught.value.final


def test_the_environments_proxy_is_not_used_for_files(
    proxy: Proxy, files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("http_proxy", proxy.url)
    rules = HostRules(hosts=frozenset({"127.0.0.1"}), allow_private=True, allow_http=True)
    with Downloader(rules, timeout=5).fetch(f"http://127.0.0.1:{files[1]}/a.pdf", "pdf") as file:
        assert file.size == len(CONTENT)
    assert proxy.asked == []


def test_the_proxy_comes_from_the_connection() -> None:
    def proxy_of(text: str) -> str:
        return HostRules.of(Bureau().account(file_proxy=text)).proxy

    assert proxy_of("") == ""
    assert proxy_of(" http://proxy.internal:3128/ ") == "http://proxy.internal:3128"
    for wrong in (
        "proxy:3128",
        "https://proxy:3128",
        "http://proxy",
        "http://u:p@proxy:3128",
        "http://p:1/x",
        "http://p:x",
    ):
        with pytest.raises(ConfigurationError, match="file_proxy") as caught:
            proxy_of(wrong)
        assert "u:p" not in str(caught.value)
