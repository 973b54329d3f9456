"""From where a file may be fetched: which hosts, which schemes, which addresses behind their names.

An address comes out of a vendor's answer, so it is not trusted: whoever can write into the answer must not be able to
make this machine talk to its own network. Names are looked up once and the connection goes to the address that was
judged, so that a second look-up cannot answer otherwise (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import msgspec

from fapiao.errors import ConfigurationError
from fapiao.wire import Account

__all__ = ["HostRules", "Refused", "Target"]

_PORTS = {"https": 443, "http": 80}
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\Z")
_CONTROL = re.compile(r"[\x00-\x20\x7f\\]")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(Exception):
    """The file is not fetched, or not kept: one sentence that says why, without the signed part of its address.

    ``final``: asking for the same address again cannot help.
    """

    def __init__(self, what: str, *, final: bool = True) -> None:
        super().__init__(what)
        self.what = what
        self.final = final


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where to connect, judged. ``address`` is what the socket goes to (empty where a proxy looks up the name), ``host`` what
    certificate and header name."""

    scheme: str
    host: str
    port: int
    address: str
    path: str
    """Path and query as they go on the request line; they carry the signature of the address."""

    def __repr__(self) -> str:
        return f"Target({self.scheme}://{self.host}:{self.port}/…)"

    __str__ = __repr__


Resolve = Callable[[str, int], Sequence[str]]
"""Addresses of a host name, as texts."""


def resolve(host: str, port: int) -> list[str]:
    """What the system's resolver says. :raises OSError: it knows no such name, or does not answer."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class HostRules(msgspec.Struct, frozen=True, kw_only=True):
    """What one connection allows."""

    hosts: frozenset[str]
    """Lower-case host names; ``*.example.com`` stands for every host below it. A name goes for every port."""
    allow_private: bool = False
    """Loopback, link-local and private addresses too: for a gateway in the own network, and for tests."""
    allow_http: bool = False
    proxy: str = ""
    """``http://host:port`` through which files are fetched; empty = directly. The proxy looks up names then, so that nobody
    judges where they lead: hosts, schemes and addresses without a name are still judged here."""

    @classmethod
    def of(cls, account: Account) -> HostRules:
        """The account's rules: its own host, ``Account.file_hosts``, and the settings ``allowed_file_hosts`` (separated by
        commas or blanks), ``allow_private_hosts``, ``allow_http_files``, ``file_proxy`` where the plugin has them.

        :raises ConfigurationError: ``file_proxy`` is no address of a proxy.
        """
        named = re.split(r"[,;\s]+", str(account.settings.get("allowed_file_hosts") or ""))
        own = urlsplit(account.base_url).hostname or ""
        return cls(
            hosts=frozenset(host.lower().rstrip(".") for host in (own, *account.file_hosts, *named) if host),
            allow_private=bool(account.settings.get("allow_private_hosts")),
            allow_http=bool(account.settings.get("allow_http_files")),
            proxy=_proxy(str(account.settings.get("file_proxy") or "").strip(), account.source),
        )

    def judge(self, url: str, look_up: Resolve = resolve) -> Target:
        """Where to connect for ``url``, an absolute address.

        :raises Refused: scheme, host or one of the addresses is not allowed; not final where only the look-up failed.
        """
        scheme, host, port, path = _parts(url)
        if scheme == "http" and not self.allow_http:
            raise Refused(
                f"the file lies at http://{host}: unencrypted addresses need allow_http_files in the connection"
            )
        if not self._names(host):
            raise Refused(
                f"the host {host} is not among those the connection allows for files ({', '.join(sorted(self.hosts))}); "
                "add it to allowed_file_hosts if it is the vendor's"
            )
        if self.proxy and _address(host) is None:
            return Target(scheme=scheme, host=host, port=port, address="", path=path)
        try:
            found = [host] if _address(host) else list(look_up(host, port))
        except OSError:
            raise Refused(f"the name of the host {host} cannot be looked up", final=False) from None
        if not found:
            raise Refused(f"the host {host} has no address", final=False)
        for text in found:
            address = _address(text)
            if address is None or not (self.allow_private or _is_public(address)):
                # One bad address among good ones refuses all: which one a client takes is chance.
                raise Refused(
                    f"the host {host} leads to an address in a private or local network; that needs allow_private_hosts in "
                    "the connection"
                )
        return Target(scheme=scheme, host=host, port=port, address=found[0], path=path)

    def _names(self, host: str) -> bool:
        if host in self.hosts:
            return True
        labels = host.split(".")
        return any("*." + ".".join(labels[cut:]) in self.hosts for cut in range(1, len(labels)))


def _proxy(url: str, source: str) -> str:
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        bare = f"http://{parts.netloc}"
        if url.rstrip("/") == bare and parts.hostname and parts.port and "@" not in parts.netloc:
            return bare
    except ValueError:
        pass
    raise ConfigurationError(
        "The connection's file_proxy is not the address of a proxy.",
        source=source,
        advice="Give http://host:port, without a user: the proxy has to let this machine in by its address.",
    )


def _parts(url: str) -> tuple[str, str, int, str]:
    if _CONTROL.search(url) or not url.isascii():
        raise Refused("the address of the file has characters that no address has")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower().rstrip("."), parts.port
    except ValueError:
        raise Refused("the address of the file cannot be read") from None
    if parts.scheme not in _PORTS:
        raise Refused(f"the address of the file has the scheme {parts.scheme[:20] or '(none)'!r} instead of https")
    if parts.username is not None or parts.password is not None:
        raise Refused("the address of the file names a user")
    if not (_HOST.match(host) or _address(host)):
        raise Refused("the address of the file names no host")
    path = parts.path or "/"
    return parts.scheme, host, port or _PORTS[parts.scheme], path + (f"?{parts.query}" if parts.query else "")


def _address(text: str) -> _Address | None:
    """An IP address, also where a name is expected; shorthand such as ``127.1`` is none and fails as a name."""
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _is_public(address: _Address) -> bool:
    """Reachable over the internet. An IPv6 address that carries an IPv4 one is judged by that."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


_NAT64 = ipaddress.ip_network("64:ff9b::/96")
