"""XML from outside as plain values: no document type, no entities, nothing fetched, limits on size, depth and number.

``xml.parsers.expat`` alone, with every declaration refused where it stands; so neither an external entity can read a
file nor a nested one fill the memory.
"""

from __future__ import annotations

import re
from typing import Any
from xml.parsers import expat  # nosec - every declaration that makes XML dangerous is refused below

from fapiao.engine.host_rules import Refused

__all__ = ["Element", "read_xml"]

MOST_BYTES = 8 * 1024 * 1024
_MOST_DEPTH = 64
_MOST_ELEMENTS = 200_000
_ENCODING = re.compile(rb"""<\?xml[^>]*\bencoding\s*=\s*["'](gb\w+|hz)["']""", re.IGNORECASE)


class Element:
    """An element: local name, text without the children's, children in order. Attributes and prefixes are left out."""

    __slots__ = ("children", "name", "text")

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = ""
        self.children: list[Element] = []

    def plain(self) -> Any:
        """As JSON values: text, or a mapping by name in which repeated names are lists."""
        if not self.children:
            return self.text.strip()
        values: dict[str, Any] = {}
        for child in self.children:
            value = child.plain()
            if child.name not in values:
                values[child.name] = value
            elif isinstance(values[child.name], list):
                values[child.name].append(value)
            else:
                values[child.name] = [values[child.name], value]
        if self.text.strip():
            values["#text"] = self.text.strip()
        return values


class _Builder:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0

    def start(self, name: str, _: Any) -> None:
        self._count += 1
        if self._count > _MOST_ELEMENTS or len(self._open) >= _MOST_DEPTH:
            raise Refused("the XML file has more or deeper elements than an invoice has")
        element = Element(name.rpartition(":")[2])
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _: str) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        if self._open:
            self._open[-1].text += text


def read_xml(content: bytes) -> Element:
    """The root element.

    :raises Refused: a document type or entity, too large, too deep, or not well-formed.
    """
    if len(content) > MOST_BYTES:
        raise Refused(f"the XML file has more than {MOST_BYTES // 1024 // 1024} MiB")
    declared = _ENCODING.match(content.removeprefix(b"\xef\xbb\xbf"))
    encoding = None
    if declared:
        # expat knows no multi-byte encoding but Unicode's.
        content = content.decode("gb18030", errors="replace").encode()
        encoding = "utf-8"
    builder = _Builder()
    parser = expat.ParserCreate(encoding)
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.UnparsedEntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    try:
        parser.Parse(content, True)
    except expat.ExpatError as problem:
        raise Refused(f"the XML file is not well-formed ({expat.ErrorString(problem.code)})") from None
    if builder.root is None:
        raise Refused("the XML file has no element")
    return builder.root


def _refuse(*_: Any) -> int:
    raise Refused("the XML file declares a document type or entities, which no invoice needs")
