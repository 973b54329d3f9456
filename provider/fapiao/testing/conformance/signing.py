"""Group E: the signature of an attempt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from fapiao.connection import Connection
from fapiao.engine.prepared import encode_body, prepare
from fapiao.errors import FapiaoError
from fapiao.testing.conformance.check import Breach, Check, NotApplicable, Stuck
from fapiao.testing.conformance.kit import Kit, Vector
from fapiao.testing.conformance.responders import ADDRESS
from fapiao.testing.conformance.tour import Tour, tour_of
from fapiao.wire import Account, Request, Secret, Signed, Stamp, Token

__all__ = ["CHECKS"]

_ONE = Stamp(epoch_ms=1_733_803_200_123, nonce="0123456789abcdef0123456789abcdef")
_TWO = Stamp(epoch_ms=1_733_803_265_987, nonce="fedcba9876543210fedcba9876543210")
_HOSTILE = (("空", "值 &=+/%25:$"), ("a", ""), ("a", "二"), ("a", "1"), ("~", "é\u3000"))


def vectors(kit: Kit) -> Iterator[Breach]:
    _signs(kit)
    if not kit.vectors:
        yield Breach(
            "kit",
            "the plugin signs, and the kit declares no vectors",
            "declare a Vector out of the vendor's document, or one of a client known to work",
        )
    source = tour_of(kit).conversation.source
    for vector in kit.vectors:
        account = source.account(Connection.from_json(_connection(vector), conn_id=vector.name))
        signed = source.sign(vector.request, account, vector.token, vector.stamp, encode_body(vector.request))
        for part in ("query", "headers", "form"):
            missing = set(getattr(vector.expected, part)) - set(getattr(signed, part))
            if missing:
                names = ", ".join(sorted(name for name, _ in missing))
                yield Breach(
                    "sign",
                    f"for the vector {vector.name!r} the {part} {names} differ from the expected ones",
                    "compare the text that is signed with the vendor's document: order, separators, encoding, key",
                )


def fresh(kit: Kit) -> Iterator[Breach]:
    for tour, request, body in _requests(kit):
        one = _sign(tour, request, _ONE, body)
        if _sign(tour, request, _ONE, body) != one:
            yield Breach(
                "sign",
                f"two calls for {request.path} with one stamp differ",
                "take clock and chance from the stamp only",
            )
            return
        if _sign(tour, request, _TWO, body) == one:
            yield Breach(
                "sign",
                f"another stamp gives the same signature for {request.path}: a retry can be refused as a replay",
                "put stamp.epoch_ms and stamp.nonce where the vendor wants time and nonce",
            )
            return


def any_text(kit: Kit) -> Iterator[Breach]:
    for tour, request, _ in _requests(kit):
        changed = (
            msgspec.structs.replace(request, form=request.form + _HOSTILE)
            if request.form
            else msgspec.structs.replace(request, query=request.query + _HOSTILE)
        )
        body = encode_body(changed)
        account = tour.conversation.account
        try:
            signed = _sign(tour, changed, _ONE, body)
            prepare(changed, account, body, signed, "test")
            for name, value in (*signed.headers, *signed.query, *signed.form):
                (name + value).encode("latin-1" if (name, value) in signed.headers else "utf-8")
        except (FapiaoError, UnicodeEncodeError, TypeError, AttributeError) as problem:
            yield Breach(
                "sign",
                f"with Chinese text, blanks, empty and repeated parameters it fails: {problem}",
                "encode text as UTF-8 before hashing, and sign a list of pairs, not a mapping; headers are ASCII",
            )
            return


def masked(kit: Kit) -> Iterator[Breach]:
    for tour, request, body in _requests(kit):
        account = tour.conversation.account
        other = _with_another_secret(tour)
        signed = _sign(tour, request, _ONE, body)
        twin = tour.conversation.source.sign(request, other, _token(tour, request), _ONE, body)
        for part in ("query", "headers", "form"):
            for pair in set(getattr(signed, part)) - set(getattr(twin, part)):
                if not any(secret and secret in pair[1] for secret in signed.secrets):
                    yield Breach(
                        "sign",
                        f"the {part} field {pair[0]!r} depends on the secret and is not in Signed.secrets",
                        "list the signature in Signed.secrets: the driver masks it in logs and errors",
                    )
                    return
        exposed = [
            name
            for name, value in (*signed.query, *signed.headers, *signed.form)
            if account.secret and account.secret.reveal() in value
        ]
        if exposed:
            yield Breach(
                "sign", f"the field {exposed[0]!r} holds the secret itself", "send a hash, or log in by a flow"
            )
            return


def _signs(kit: Kit) -> None:
    if not tour_of(kit).conversation.source.has("sign"):
        raise NotApplicable("the plugin has no hook sign")


def _requests(kit: Kit) -> Iterator[tuple[Tour, Request, bytes]]:
    """One signed request of each kind of flow."""
    _signs(kit)
    tour = tour_of(kit)
    found = False
    for visit in tour.varied():
        for request in visit.requests[:1]:
            if request.file_url is None and request.authorized:
                found = True
                yield tour, request, encode_body(request)
    if not found:
        raise Stuck("sign", "the kit's conversation has no request that is signed")


def _sign(tour: Tour, request: Request, stamp: Stamp, body: bytes) -> Signed:
    conversation = tour.conversation
    signed: Any = conversation.source.sign(request, conversation.account, _token(tour, request), stamp, body)
    if not isinstance(signed, Signed):
        raise Stuck("sign", f"it returned {type(signed).__name__} instead of Signed")
    return signed


def _token(tour: Tour, request: Request) -> Token | None:
    login = tour.login()
    return login.value if login is not None and request.authorized else None


def _with_another_secret(tour: Tour) -> Account:
    return msgspec.structs.replace(tour.conversation.account, secret=Secret("another-secret-of-the-kit"))


def _connection(vector: Vector) -> bytes:
    return msgspec.json.encode({"host": ADDRESS, **vector.connection})


CHECKS = (
    Check(id="E1", title="The vectors of the vendor's document hold.", examine=vectors),
    Check(id="E2", title="A new stamp gives a new signature, the same stamp the same one.", examine=fresh),
    Check(id="E3", title="Chinese text, blanks, empty and repeated parameters can be signed.", examine=any_text),
    Check(
        id="E4",
        title="What depends on the secret is named for masking, and the secret itself is never sent.",
        examine=masked,
    ),
)
