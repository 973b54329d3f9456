"""What the transports obey beyond the exchange itself: certificates, proxies, limits in time, closing."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fapiao.engine import AsyncDriver, BlockingDriver, Completed, DriverSettings
from fapiao.errors import ConfigurationError, VendorUnreachable
from fapiao.registry import Source
from fapiao.wire import Account, Flow, Request

ONCE = DriverSettings(max_attempts=1)


def one_request(**options: Any) -> Flow[Any]:
    answer = yield Request(method="POST", path="/data", json={}, **options)
    return answer.json()["value"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(__import__("ipaddress").ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "vendor.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls_account(vendor: Any, account: Account, certificate: Path) -> Iterator[Account]:
    """The vendor behind TLS."""
    from http.server import ThreadingHTTPServer

    handler = vendor.handler

    class TlsServer(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    server = TlsServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield msgspec.structs.replace(account, base_url=f"https://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_untrusted_certificate_is_refused_at_once(
    run_blocking: Any, run_async: Any, plain_source: Source, tls_account: Account
) -> None:
    outcomes = [run(plain_source, one_request(), to=tls_account) for run in (run_blocking, run_async)]
    for one in outcomes:
        assert type(one.outcome) is VendorUnreachable
        assert "is not trusted (self-signed certificate)" in str(one.outcome)
        assert "REQUESTS_CA_BUNDLE" in str(one.outcome)
        assert one.requests == 1
        assert one.seen == []
    assert str(outcomes[0].outcome) == str(outcomes[1].outcome)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificates_named_by_the_environment_are_trusted(
    variable: str,
    run: Any,
    plain_source: Source,
    tls_account: Account,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, str(certificate))
    outcome = run(plain_source, one_request(), to=tls_account).outcome
    assert isinstance(outcome, Completed), outcome


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_verification_can_be_switched_off_for_a_test_server(
    run: Any, plain_source: Source, tls_account: Account
) -> None:
    outcome = run(plain_source, one_request(), DriverSettings(verify_tls=False), to=tls_account).outcome
    assert isinstance(outcome, Completed), outcome


def test_a_proxy_of_the_environment_is_used(
    run: Any, vendor: Any, plain_source: Source, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", vendor.url)
    monkeypatch.setenv("no_proxy", "")
    behind = msgspec.structs.replace(account, base_url="http://vendor.invalid")
    outcome = run(plain_source, one_request(), to=behind).outcome
    # The loopback vendor answers as the proxy: it was asked for the whole URL.
    assert vendor.seen[0].target == "http://vendor.invalid/data"
    assert isinstance(outcome, Completed), outcome


def test_no_proxy_is_obeyed(run: Any, plain_source: Source, vendor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    outcome = run(plain_source, one_request()).outcome
    assert isinstance(outcome, Completed), outcome


def test_a_proxy_that_is_not_there_sent_nothing(
    run: Any, plain_source: Source, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://user:canary-proxy-password@127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    behind = msgspec.structs.replace(account, base_url="http://vendor.invalid")
    outcome = run(plain_source, one_request(idempotent=False), ONCE, to=behind).outcome
    assert type(outcome) is VendorUnreachable
    assert "no connection to vendor.invalid could be made" in str(outcome)
    assert "canary" not in str(outcome)


def test_an_answer_that_drips_is_given_up(run: Any, plain_source: Source, account: Account) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not over.wait(0.05):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    settings = DriverSettings(max_attempts=1, connect_timeout=0.1, timeout=0.2)
    there = msgspec.structs.replace(account, base_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
    outcome = run(plain_source, one_request(), settings, to=there).outcome
    over.set()
    thread.join()
    listener.close()
    assert type(outcome) is VendorUnreachable
    assert "gave no answer in time" in str(outcome)


def test_connections_are_kept_but_not_for_what_must_not_be_sent_twice(
    run: Any, vendor: Any, plain_source: Source
) -> None:
    def several() -> Flow[Any]:
        for idempotent in (True, True, False, True):
            yield Request(method="POST", path="/data", json={}, idempotent=idempotent)

    run(plain_source, several())
    clients = [seen.client for seen in vendor.seen]
    assert clients[0] == clients[1]
    assert clients[2] not in clients[:2]


def test_cookies_are_not_sent_back(run: Any, vendor: Any, answer: Any, plain_source: Source) -> None:
    def twice() -> Flow[Any]:
        yield Request(method="POST", path="/data", json={})
        yield Request(method="POST", path="/data", json={})

    vendor.reset(data=[answer(headers={"Set-Cookie": "session=1; Path=/"})])
    run(plain_source, twice())
    assert [seen.headers.get("cookie") for seen in vendor.seen] == [None, None]


def test_closing_the_driver_wakes_who_sleeps(vendor: Any, answer: Any, plain_source: Source, account: Account) -> None:
    vendor.reset(data=[answer(status=503, headers={"Retry-After": "50"})])
    with ThreadPoolExecutor(1) as pool, BlockingDriver(plain_source, account) as driver:
        asleep = threading.Event()
        sleep = driver._interruptible_sleep
        driver._sleep = lambda seconds: (asleep.set(), sleep(seconds))  # type: ignore[assignment,func-returns-value] # a spy
        running = pool.submit(driver.run, one_request())
        assert asleep.wait(10)
        driver.close()
        with pytest.raises(CancelledError):
            running.result(10)
        with pytest.raises(CancelledError):
            driver.run(one_request())


def test_a_cancelled_task_closes_its_flow(vendor: Any, plain_source: Source, account: Account) -> None:
    closed = []
    over = threading.Event()
    vendor.hold = lambda path: over.wait(20)

    def flow() -> Flow[Any]:
        try:
            yield Request(method="GET", path="/data")
        finally:
            closed.append(True)

    async def main() -> None:
        async with AsyncDriver(plain_source, account) as driver:
            task = asyncio.ensure_future(driver.run(flow()))
            assert await asyncio.to_thread(vendor.arrived.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            over.set()
            assert (await driver.run(one_request())).value == 1

    asyncio.run(main())
    assert closed == [True]


@pytest.mark.parametrize(
    ("name", "value"),
    [("timeout", "soon"), ("timeout", 0), ("max_concurrency", 0), ("requests_per_second", -1), ("verify_tls", "maybe")],
)
def test_a_setting_of_the_wrong_kind_is_named(name: str, value: Any, account: Account) -> None:
    with pytest.raises(ConfigurationError, match=name):
        DriverSettings.from_account(msgspec.structs.replace(account, settings={name: value}))


def test_settings_come_from_the_connection_as_text_too(account: Account) -> None:
    settings = {
        "timeout": "5",
        "verify_tls": "false",
        "requests_per_second": "",
        "max_concurrency": None,
        "corp_id": "x",
    }
    found = DriverSettings.from_account(msgspec.structs.replace(account, settings=settings))
    assert found == DriverSettings(timeout=5.0, verify_tls=False)
