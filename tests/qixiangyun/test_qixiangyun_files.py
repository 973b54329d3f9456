"""Files that answers name, through both drivers: to allowed places only, bare of token and signature, followed nowhere."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from fapiao.engine import BlockingDriver, DriverSettings
from fapiao.engine.asynchronous import AsyncDriver
from fapiao.errors import ConfigurationError, PluginError, VendorBroken, VendorRefused
from fapiao.registry import Source
from fapiao.wire import Account, Flow, Request, Response, Secret
from fapiao_qixiangyun import plugin
from fapiao_qixiangyun.simulator import FileTrouble, QixiangyunScenario, QixiangyunSimulator
from proxying import Proxy


def fetch(url: str) -> Flow[Response]:
    response = yield Request(method="GET", file_url=Secret(url))
    return response


Run = Callable[..., Response]


@pytest.fixture
def simulator() -> Iterator[QixiangyunSimulator]:
    with QixiangyunSimulator(QixiangyunScenario(layout_seconds=0.0)).running() as it:
        yield it


@pytest.fixture
def account(simulator: QixiangyunSimulator) -> Callable[..., Account]:
    def make(**settings: Any) -> Account:
        given = {"allow_private_hosts": True, "allow_http_files": True} | settings
        return Account(
            source="qixiangyun",
            name="19999999",
            base_url=given.pop("base_url", simulator.base_url),
            login=simulator.scenario.app_key,
            secret=Secret(simulator.scenario.app_secret),
            settings=given,
            file_hosts=given.pop("file_hosts", ()),
        )

    return make


@pytest.fixture(params=["blocking", "asyncio"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a flow through one of the drivers."""
    source = Source.of(plugin)
    settings = DriverSettings(requests_per_second=0, max_response_bytes=200_000)

    def blocking(account: Account, flow: Flow[Response]) -> Response:
        with BlockingDriver(source, account, settings=settings, sleep=lambda _: None) as driver:
            return driver.run(flow).value

    def asynchronous(account: Account, flow: Flow[Response]) -> Response:
        async def nap(_: float) -> None:
            return None

        async def whole() -> Response:
            driver = AsyncDriver(source, account, settings=settings, sleep=nap)
            try:
                return (await driver.run(flow)).value
            finally:
                await driver.aclose()

        return asyncio.run(whole())

    return blocking if request.param == "blocking" else asynchronous


@pytest.fixture
def link(simulator: QixiangyunSimulator) -> str:
    """The address of a PDF."""
    (invoice,) = simulator.true_invoices(1)
    job = simulator.layouts.order(invoice, ("pdf", "ofd", "xml"), "2024-11-20")
    return simulator.files.links(str(job.task_id), ("pdf",))["pdfUrl"]


def test_a_file_comes_without_a_login_and_bare(run: Run, account: Any, link: str, simulator: Any) -> None:
    response = run(account(), fetch(link))
    assert response.body.startswith(b"%PDF-1.4")
    report = simulator.report()
    assert report.operations == {"file": 1}
    assert report.violations == ()


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"allow_private_hosts": False}, "allow_private_hosts"), ({"allow_http_files": False}, "allow_http_files")],
)
def test_what_the_connection_does_not_allow_is_not_sent(
    run: Run, account: Any, link: str, simulator: Any, settings: Any, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        run(account(**settings), fetch(link))
    assert simulator.report().total == 0


def test_another_host_needs_to_be_named(run: Run, account: Any, link: str, simulator: Any) -> None:
    elsewhere = account(base_url="https://api.qixiangyun.com")
    with pytest.raises(ConfigurationError, match="allowed_file_hosts"):
        run(elsewhere, fetch(link))
    named = account(base_url="https://api.qixiangyun.com", file_hosts=("127.0.0.1",))
    assert run(named, fetch(link)).status == 200
    assert simulator.report().total == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/", "https://10.0.0.1/x", "http://[::1]/x", "file:///etc/passwd", "ftp://127.0.0.1/x",
        "https://user:password@127.0.0.1/x", "http://127.0.0.1\\@evil.example/", "http:///x", "nonsense", "http://127.0.0.1:99999/x",
        "https://api.qixiangyun.com.evil.example/x",
    ],
)  # fmt: skip
def test_hostile_addresses_are_refused(run: Run, account: Any, simulator: Any, url: str) -> None:
    with pytest.raises(ConfigurationError):
        run(account(), fetch(url))
    assert simulator.report().total == 0


def test_files_of_a_collection_go_through_the_proxy_that_the_connection_names(
    run: Run, account: Any, link: str, simulator: Any
) -> None:
    port = urlsplit(simulator.base_url).port
    with Proxy({"files.vendor.invalid": port}).running() as proxy:
        behind = link.replace(urlsplit(simulator.base_url).netloc, "files.vendor.invalid")
        connected = account(file_proxy=proxy.url, file_hosts=("files.vendor.invalid",))
        assert run(connected, fetch(behind)).body.startswith(b"%PDF")
        assert [line.removesuffix(":80") for line in proxy.asked] == ["GET http://files.vendor.invalid"]
        with pytest.raises(ConfigurationError):
            run(connected, fetch(behind.replace("files.", "other.")))
        assert len(proxy.asked) == 1


@pytest.mark.parametrize("kind", ["redirect", "redirect_here"])
def test_a_redirect_is_not_followed(run: Run, account: Any, link: str, simulator: Any, kind: Any) -> None:
    signature = simulator.files.signature
    simulator.configure(
        msgspec.structs.replace(simulator.scenario, layout_seconds=0.0, file_troubles=(FileTrouble(kind=kind),))
    )
    simulator.files.signature = signature
    with pytest.raises(VendorRefused, match="redirect"):
        run(account(), fetch(link))
    assert simulator.report().total == 1


def test_an_expired_address_is_refused_without_repeating_it(run: Run, account: Any, link: str, simulator: Any) -> None:
    with pytest.raises(VendorBroken, match="expired"):
        run(account(), fetch(link.replace("Signature=", "Signature=x")))
    assert simulator.report().total == 1


def test_a_file_over_the_limit_is_not_taken(run: Run, account: Any, link: str, simulator: Any) -> None:
    signature = simulator.files.signature
    troubles = (FileTrouble(kind="oversize"),)
    simulator.configure(QixiangyunScenario(file_troubles=troubles, oversize_bytes=300_000))
    simulator.files.signature = signature
    with pytest.raises(VendorBroken, match="larger"):
        run(account(), fetch(link))


@pytest.mark.parametrize(
    "request_",
    [
        Request(method="POST", file_url=Secret("http://127.0.0.1/x")),
        Request(method="GET", path="/x", file_url=Secret("http://127.0.0.1/x")),
        Request(method="GET", query=(("a", "b"),), file_url=Secret("http://127.0.0.1/x")),
        Request(method="GET", json={}, file_url=Secret("http://127.0.0.1/x")),
    ],
)
def test_a_request_for_a_file_is_nothing_else(run: Run, account: Any, request_: Request) -> None:
    def flow() -> Flow[Response]:
        return (yield request_)

    with pytest.raises(PluginError, match="file_url"):
        run(account(), flow())


def test_the_address_is_in_no_log_and_no_error(
    run: Run, account: Any, link: str, simulator: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    run(account(), fetch(link))
    with pytest.raises(ConfigurationError) as caught:
        run(account(allow_http_files=False), fetch(link))
    assert simulator.files.signature not in caplog.text
    assert simulator.files.signature not in str(caught.value)
