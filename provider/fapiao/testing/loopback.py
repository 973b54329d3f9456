"""An HTTP/1.1 server on loopback for simulators: keep-alive, no Nagle delay, and the ways a real network fails."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

__all__ = ["Answer", "Call", "LoopbackServer"]

_LARGEST_BODY = 4 * 1024 * 1024
_ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER with zero seconds: closing sends a reset instead of the orderly end."""


class Call(msgspec.Struct, frozen=True):
    """One request as it came."""

    method: str
    path: str
    query: str
    """Still percent-encoded."""
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes


class Answer(msgspec.Struct, frozen=True):
    """What is sent back, and how much of it arrives."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json;charset=UTF-8"
    delivery: str = "whole"
    """``whole``, ``cut`` (the connection ends in the middle of the body) or ``reset`` (nothing arrives)."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "simulator"
    sys_version = ""
    disable_nagle_algorithm = True
    server: LoopbackServer

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        super().finish()

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the client went away, which is its right

    def answer(self) -> None:
        """Every method comes here."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _LARGEST_BODY:
            self._send(Answer(status=413, body=b"{}"), close=True)
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True  # the client was killed between its headers and its body: it has asked nothing
            return
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.respond(Call(self.command, path, query, headers, body))
        self._send(answer, close=headers.get("connection", "").lower() == "close")

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = answer

    def _send(self, answer: Answer, *, close: bool) -> None:
        if answer.delivery == "reset":
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            return
        reason = self.responses.get(answer.status, ("",))[0]
        head = [f"HTTP/1.1 {answer.status} {reason}", f"Content-Type: {answer.content_type}"]
        head.append(f"Content-Length: {len(answer.body)}")
        head.extend(f"{name}: {value}" for name, value in answer.headers)
        cut = answer.delivery == "cut"
        if close or cut:
            head.append("Connection: close")
            self.close_connection = True
        body = answer.body[: len(answer.body) // 2] if cut else answer.body
        if self.command == "HEAD":
            body = b""
        # One write: two would wait for the client's delayed acknowledgement.
        self.wfile.write("\r\n".join([*head, "", ""]).encode("latin-1") + body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the report is the log, and URLs carry tokens."""


class LoopbackServer(ThreadingHTTPServer):
    """Serves ``respond`` on 127.0.0.1 until :meth:`stop`; a thread per connection.

    :param port: 0 takes any free one.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, respond: Callable[[Call], Answer], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.respond = respond
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="simulator", daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the server and every connection that clients keep alive."""
        self.shutdown()
        self._thread.join()
        with self._open_lock:
            kept = list(self._open)
        for connection in kept:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it ended by itself in the meantime
        self.server_close()

    def opened(self, connection: socket.socket) -> None:
        with self._open_lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._open_lock:
            self._open.discard(connection)

    def shutdown_request(self, request: Any) -> None:
        """Closes without the half-close of the base class where the connection is to be reset."""
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == _ABORT:
            self.close_request(request)
            return
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that a client dropped is no error of the server; anything else is shown."""
        import sys

        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)
