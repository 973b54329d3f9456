"""What a layout file (版式文件) must look like, by its first bytes and, for OFD, by what is in its container.

A link that has run out answers with a web page and status 200: the name and the content type prove nothing.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from fapiao.engine.host_rules import Refused

__all__ = ["KINDS", "MEDIA_TYPES", "check_file"]

KINDS = ("pdf", "ofd", "xml")
MEDIA_TYPES = {"pdf": "application/pdf", "ofd": "application/ofd", "xml": "application/xml"}
_HEAD = 1024
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_MOST_ENTRIES = 2_000
_MOST_RATIO = 200
"""OFD pages are XML and shrink well, but not beyond this."""


def check_file(kind: str, path: Path) -> None:
    """Whether the downloaded file is of its kind. Nothing of it is unpacked or run.

    :raises Refused: it is not; the sentence says what it looks like. Not final: a web page in place of a file is often
        an error page of the moment.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if kind == "pdf":
        # ISO 32000 allows bytes before the header; readers accept it within the first 1024.
        if b"%PDF-" not in head:
            raise _other(kind, head)
    elif kind == "ofd":
        if not head.startswith(b"PK\x03\x04"):
            raise _other(kind, head)
        _check_container(path)
    elif kind == "xml":
        if not _looks_like_xml(head) or _looks_like_page(head):
            raise _other(kind, head)
    else:
        raise Refused(f"{kind!r} is no kind of layout file; known are {', '.join(KINDS)}")


def _check_container(path: Path) -> None:
    """GB/T 33190: a ZIP with OFD.xml at its root. Names that lead out of it would overwrite files of whoever unpacks it."""
    try:
        with zipfile.ZipFile(path) as container:
            entries = container.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise Refused("the OFD file is not a whole ZIP container", final=False) from None
    if len(entries) > _MOST_ENTRIES:
        raise Refused(f"the OFD file has {len(entries)} entries; a layout file has at most {_MOST_ENTRIES}")
    for entry in entries:
        # orig_filename: what is in the file, before zipfile makes it harmless.
        name = entry.orig_filename.replace("\\", "/")
        if name.startswith("/") or ".." in name.split("/") or ":" in name.split("/")[0] or "\x00" in name:
            raise Refused("the OFD file has an entry whose name leads out of the container")
        if entry.file_size > _MOST_RATIO * max(entry.compress_size, 1024):
            raise Refused("the OFD file has an entry that unpacks to far more than a layout file holds")
    if not any(entry.orig_filename.lower() == "ofd.xml" for entry in entries):
        raise Refused("the file is a ZIP container without OFD.xml, not an OFD file")


def _looks_like_xml(head: bytes) -> bool:
    for bom in _BOMS:
        head = head.removeprefix(bom)
    return head.replace(b"\x00", b"").lstrip().startswith(b"<")


def _looks_like_page(head: bytes) -> bool:
    text = head.replace(b"\x00", b"").lower()
    return b"<html" in text or b"<!doctype html" in text


def _other(kind: str, head: bytes) -> Refused:
    if not head:
        found = "empty"
    elif _looks_like_page(head):
        found = "a web page"
    elif head.lstrip().startswith((b"{", b"[")):
        found = "JSON"
    elif b"%PDF-" in head:
        found = "a PDF"
    elif head.startswith(b"PK"):
        found = "a ZIP container"
    else:
        found = "something else"
    return Refused(f"what came in place of the {kind.upper()} file is {found}", final=False)
