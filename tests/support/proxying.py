"""A proxy on loopback: CONNECT and whole addresses in the request line, with names of its own."""

from __future__ import annotations

import datetime as dt
import http.client
import ipaddress
import select
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["Proxy", "secure_files", "write_certificate"]


class _Handler(BaseHTTPRequestHandler):
    server: Proxy

    def do_CONNECT(self) -> None:
        self.server.asked.append(f"CONNECT {self.path}")
        port = self.server.names.get(self.path.rpartition(":")[0])
        if port is None:
            self.send_error(403)
            return
        with socket.create_connection(("127.0.0.1", port)) as there:
            self.send_response(200)
            self.end_headers()
            ends = [self.connection, there]
            while True:
                ready, _, _ = select.select(ends, [], [], 10)
                for one in ready:
                    data = one.recv(65536)
                    if not data:
                        return
                    ends[1 - ends.index(one)].sendall(data)
                if not ready:
                    return

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.server.asked.append(f"GET {parts.scheme}://{parts.netloc}")
        port = self.server.names.get(parts.hostname or "")
        if port is None:
            self.send_error(403)
            return
        there = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        there.request("GET", f"{parts.path}?{parts.query}")
        answer = there.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name in ("Content-Type", "Location"):
            if answer.headers.get(name):
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        there.close()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


class Proxy(ThreadingHTTPServer):
    """Knows ``names`` (host → port on loopback) and refuses all others."""

    daemon_threads = True

    def __init__(self, names: Mapping[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.names = dict(names)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        thread = threading.Thread(target=self.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()
            thread.join()


def write_certificate(host: str, folder: Path) -> Path:
    """A certificate for the host that is its own authority, with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


class _Files(BaseHTTPRequestHandler):
    server: _FileServer

    def do_GET(self) -> None:
        self.server.hosts.append(self.headers["Host"])
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


class _FileServer(ThreadingHTTPServer):
    daemon_threads = True
    content = b""
    hosts: list[str]


@contextmanager
def secure_files(certificate: Path, content: bytes) -> Iterator[_FileServer]:
    """An https server on loopback that answers every path with the content."""
    server = _FileServer(("127.0.0.1", 0), _Files)
    server.content, server.hosts = content, []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
