"""Answers as they must not be: unreadable ones, and readable ones of the wrong shape."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import msgspec

from fapiao.errors import VendorBroken
from fapiao.wire import Response

__all__ = ["misshapen", "mutated", "unreadable"]

_ENCODE = msgspec.json.Encoder(decimal_format="number").encode
_PAGE = "<!DOCTYPE html><html><body><h1>系统维护中</h1></body></html>"
_OTHERS: tuple[Any, ...] = (None, "", "测试", -1, True, [], {}, [None], 10**30)
_MOST = 400
Path = tuple[str | int, ...]


def unreadable(response: Response) -> Iterator[tuple[str, Response]]:
    """(what it is, the answer) for every way an answer cannot be read."""
    body = response.body
    yield "a web page", _with(response, _PAGE.encode(), "text/html")
    yield "an empty body", _with(response, b"")
    yield "half of its JSON", _with(response, body[: len(body) // 2])
    yield "its JSON cut by one byte", _with(response, body.rstrip()[:-1])
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return
    if text.isascii():
        text = text.replace('"', '"测试', 1)
    yield "its text in GBK", _with(response, text.encode("gb18030"))


def misshapen(response: Response) -> Iterator[tuple[str, Response]]:
    """(which value became what, the answer) for JSON answers; at most a few hundred."""
    try:
        document = response.json()
    except VendorBroken:
        return
    for what, other in mutated(document):
        yield what, _with(response, _ENCODE(other))


def mutated(document: Any) -> Iterator[tuple[str, Any]]:
    """The document with one value at a time replaced by something else, or taken out."""
    made = 0
    for path in [(), *_paths(document)]:
        for other in ("absent", *_OTHERS):
            if (other == "absent" and (not path or isinstance(path[-1], int))) or made >= _MOST:
                continue
            made += 1
            yield f"{'.'.join(map(str, path)) or 'everything'} = {other!r}", _replaced(document, path, other)


def _paths(value: Any, before: Path = ()) -> Iterator[Path]:
    """The outer values first; of lists the first member, which stands for the others."""
    inner: list[tuple[Path, Any]] = []
    if isinstance(value, dict):
        inner = [((*before, name), value[name]) for name in value]
    elif isinstance(value, list) and value:
        inner = [((*before, 0), value[0])]
    yield from (path for path, _ in inner)
    for path, part in inner:
        yield from _paths(part, path)


def _replaced(document: Any, path: Path, other: Any) -> Any:
    if not path:
        return copy.deepcopy(other)
    made = _copied(document, path)
    place = made
    for step in path[:-1]:
        place = place[step]
    if other == "absent":
        del place[path[-1]]
    else:
        place[path[-1]] = copy.deepcopy(other)
    return made


def _copied(value: Any, path: Path) -> Any:
    """A copy along the path only: the rest is not written to."""
    if not path:
        return value
    made = value.copy()
    made[path[0]] = _copied(value[path[0]], path[1:])
    return made


def _with(response: Response, body: bytes, kind: str = "application/json") -> Response:
    return Response(status=response.status, headers={**response.headers, "content-type": kind}, body=body)
