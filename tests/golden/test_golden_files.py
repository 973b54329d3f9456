"""Golden tests of layout files: ids of 19 digits, links that are none, files that are not what they are called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dictating import Golden, claimed, verified
from einvoices import einvoice, ofd, pdf
from fapiao.errors import IncompleteError
from fapiao.testing.loopback import Answer, Call, LoopbackServer

NUMBER = "24990000000000000001"
KINDS = ("pdf", "ofd", "xml")
HTML = b"<!DOCTYPE html><html><body>404</body></html>"
Serve = Callable[..., dict[str, Any]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """``serve(pdf=b"…")``: what the vendor says about a finished task, with links to these contents."""
    contents: dict[str, bytes] = {}

    def answer(call: Call) -> Answer:
        return Answer(body=contents[call.path.rpartition(".")[2]], content_type="application/octet-stream")

    server = LoopbackServer(answer)
    server.start()

    def say(**given: bytes) -> dict[str, Any]:
        contents.update(given)
        links = {f"{kind}Url": f"{server.base_url}/{NUMBER}.{kind}?sign=s" for kind in given}
        return {"qdfphm": NUMBER, "zt": "3", "code": "2000", "message": "", **links}

    yield say
    server.stop()


def ordered(golden: Golden, **record: Any) -> None:
    """A check of the invoice that orders its files."""
    said = verified(1, **{"bswjxzTaskId": 9007199254740993123} | record)
    assert golden.verify(claimed(1, layouts=KINDS), said) is None


TASK_IDS: list[tuple[Any, str | None]] = [
    (9007199254740993123, "9007199254740993123"),
    (Decimal(900719925474099312345678901234), "900719925474099312345678901234"),
    ("9007199254740993124", "9007199254740993124"),
    ("0007199254740993123", "0007199254740993123"),
    (Decimal("9.007199254740993E+18"), None),
    (None, None),
    ("", None),
    (0, None),
]
"""``bswjxzTaskId`` as it comes: beyond 2^53 as a number, of thirty digits, as text, with zeros in front, rounded, none."""


def test_e25_a_task_id_is_kept_digit_by_digit_or_not_at_all_and_the_check_itself_is_good(golden: Golden) -> None:
    for place, (stated, _) in enumerate(TASK_IDS, 1):
        claim = claimed(place, layouts=KINDS)
        assert golden.verify(claim, verified(place, bswjxzTaskId=stated)) is None
    assert golden.rows("layout_task", "number", "task_id", "state") == [
        (f"2499{place:016d}", kept, "waiting") for place, (_, kept) in enumerate(TASK_IDS, 1) if kept is not None
    ]
    assert golden.rows("verification", "state", "outcome") == [("answered", "genuine")] * len(TASK_IDS)


def test_e25_good_files_are_archived_and_a_link_that_is_none_is_no_link(
    golden: Golden, serve: Serve, tmp_path: Path
) -> None:
    ordered(golden)
    item = serve(pdf=pdf("x"), xml=einvoice(NUMBER, "113.00").replace(b"101.00", b"100.00")) | {"ofdUrl": None}
    assert golden.archive(item, tmp_path / "archive") is None
    assert golden.rows("layout_link", "kind", "state", "url") == [("xml", "archived", None), ("pdf", "archived", None)]
    assert sorted(golden.rows("layout_file", "kind")) == ["pdf", "xml"]
    assert len(files(tmp_path)) == 2
    assert golden.rows("invoice", "digital_number", "level", "line_count") == [(NUMBER, "file", 2)]


@pytest.mark.parametrize("nothing", [None, "", " ", "null", "None", 5], ids=repr)
def test_e25_a_finished_task_without_a_link_has_failed_and_is_not_asked_again(
    sqlite_golden: Golden, tmp_path: Path, nothing: Any
) -> None:
    ordered(sqlite_golden)
    item = {
        "qdfphm": NUMBER,
        "zt": "3",
        "code": "2000",
        "message": "",
        **dict.fromkeys(("pdfUrl", "ofdUrl", "xmlUrl"), nothing),
    }
    error = sqlite_golden.archive(item, tmp_path / "archive")
    assert isinstance(error, IncompleteError)
    assert sqlite_golden.rows("layout_task", "state", "code", "message") == [("failed", "NoFiles", "no file is named")]
    assert sqlite_golden.rows("layout_link", "kind") == []
    sqlite_golden.archive(item, tmp_path / "archive")
    assert sqlite_golden.asked == []


BILLION = "".join(f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, 10))
WRONG: dict[str, tuple[str, bytes, str, str]] = {
    "a PDF that is a web page": ("pdf", HTML, "waiting", "what came in place of the PDF file is a web page"),
    "a PDF that is nothing": ("pdf", b"", "waiting", "what came in place of the PDF file is empty"),
    "a PDF that is JSON": ("pdf", b'{"code":1}', "waiting", "what came in place of the PDF file is JSON"),
    "an OFD that is a PDF": ("ofd", pdf(), "waiting", "what came in place of the OFD file is a PDF"),
    "an OFD that leads out of itself": (
        "ofd", ofd("OFD.xml", "../../evil"), "refused", "the OFD file has an entry whose name leads out of the container",
    ),
    "an OFD with an absolute name": (
        "ofd", ofd("OFD.xml", "/etc/cron.d/evil"), "refused", "the OFD file has an entry whose name leads out of the container",
    ),
    "another archive": (
        "ofd", ofd("word/document.xml"), "refused", "the file is a ZIP container without OFD.xml, not an OFD file",
    ),
    "an XML that is a web page": ("xml", HTML, "waiting", "what came in place of the XML file is a web page"),
    "an XML with a document type": (
        "xml", einvoice(NUMBER).replace(b"<EInvoice>", b"<!DOCTYPE EInvoice><EInvoice>"), "refused",
        "the XML file declares a document type or entities",
    ),
    "an XML with an entity of this machine's files": (
        "xml",
        einvoice(NUMBER)
        .replace(b"<EInvoice>", b'<!DOCTYPE EInvoice [<!ENTITY e SYSTEM "file:///etc/passwd">]><EInvoice>')
        .replace("测试员".encode(), b"&e;"),
        "refused", "the XML file declares a document type or entities",
    ),
    "an XML of a billion laughs": (
        "xml",
        einvoice(NUMBER)
        .replace(b"<EInvoice>", f'<!DOCTYPE EInvoice [<!ENTITY l0 "lol">{BILLION}]><EInvoice>'.encode())
        .replace("测试员".encode(), b"&l9;"),
        "refused", "the XML file declares a document type or entities",
    ),
    "the XML of another invoice": (
        "xml", einvoice("24990000000000000002"), "refused", "the XML file is that of another invoice",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", WRONG)
def test_e25_a_file_that_is_not_what_it_is_called_is_not_archived_and_changes_no_document(
    sqlite_golden: Golden, serve: Serve, tmp_path: Path, how: str
) -> None:
    kind, content, state, said = WRONG[how]
    ordered(sqlite_golden)
    before = sqlite_golden.rows("invoice", "digital_number", "level", "drawer", "line_count")
    error = sqlite_golden.archive(serve(**{kind: content}), tmp_path / "archive")
    assert isinstance(error, IncompleteError)
    assert said in str(error)
    (link,) = sqlite_golden.rows("layout_link", "kind", "state", "message")
    assert link[:2] == (kind, state)
    assert said in link[2]
    assert sqlite_golden.rows("layout_file", "kind") == []
    assert files(tmp_path) == []
    assert sqlite_golden.rows("invoice", "digital_number", "level", "drawer", "line_count") == before


def files(folder: Path) -> list[Path]:
    """What is in the archive."""
    return [path for path in (folder / "archive").rglob("*") if path.is_file()]
