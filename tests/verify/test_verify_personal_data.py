"""The personal data policy reaches what the bureau answers, the differences it tells, and what is read out of layout files."""

from __future__ import annotations

import zlib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from bureau import claims
from einvoices import einvoice
from fapiao.engine.host_rules import HostRules
from fapiao.invoices.personal_data import CLASSES
from fapiao.layouts.archiver import LayoutArchiver
from fapiao.layouts.downloads import Downloader
from fapiao.layouts.places import FolderPlace
from fapiao.registry import Registry
from fapiao.rereading.personal_data import set_policy
from fapiao.testing.loopback import Answer, Call, LoopbackServer

SOURCES = Registry([EntryPoint("bureau", "bureau:PLUGIN", "fapiao.sources")], disabled=())
PERSON = "990101199003078877"
BUYER = {"buyer": "庚辛壬", "buyer_no": PERSON, "drawer": "张三丰"}
CANARIES = (PERSON, *BUYER.values(), "测试员", "000-0000000")


def written(office: Any) -> str:
    """Everything that is stored, transcripts decompressed."""
    texts = [str(office.rows(name)) for name in _TABLES]
    texts += [
        zlib.decompress(bytes(row["transcript"])).decode() for row in office.rows("fapiao_page") if row["transcript"]
    ]
    return "\n".join(texts)


_TABLES = (
    "fapiao_invoice", "fapiao_observation", "fapiao_verification", "fapiao_finding", "fapiao_rejected", "fapiao_layout_link",
    "fapiao_special_business",
)  # fmt: skip


def found(office: Any) -> set[str]:
    text = written(office)
    return {canary for canary in CANARIES if canary in text}


def dropping(office: Any) -> Any:
    return set_policy(office.database, [f"{name}=drop" for name in CLASSES], sources=SOURCES)


def set_to(office: Any, *settings: str) -> None:
    set_policy(office.database, settings, sources=SOURCES)


def test_what_the_bureau_answers_is_kept_without_persons(office: Any) -> None:
    dropping(office)
    office.bureau.more = BUYER
    office.verify(claims(2))
    assert found(office) == set()
    assert len(office.rows("fapiao_invoice")) == 2


def test_a_difference_is_told_of_what_is_kept(office: Any) -> None:
    set_to(office, "identity=keep")
    _store(office, buyer_tax_no="990101199003078800", buyer_name="他人")
    office.bureau.more = BUYER
    office.verify(claims(1))
    (check,) = office.rows("fapiao_verification")
    assert PERSON in check["differences"]
    assert "他人" in check["differences"]

    dropping(office)
    (check,) = office.rows("fapiao_verification")
    assert '"field":"buyer_tax_no","stored":"","stated":""' in check["differences"]
    assert found(office) == set()
    assert "他人" not in check["differences"]


def _store(office: Any, **changes: Any) -> None:
    """The same document, from another source."""
    from decimal import Decimal

    from storing import Shelf, invoice

    stated = invoice(
        1, amount_excl_tax=Decimal("101.00"), tax_amount=Decimal("13.00"), amount_incl_tax=Decimal("114.00"), **changes
    )
    Shelf(office.database).load(stated)


@pytest.mark.parametrize("late", [False, True])
def test_what_is_read_out_of_a_layout_file_has_no_persons_and_the_file_stays(
    office: Any, tmp_path: Path, late: bool
) -> None:
    set_to(office, "identity=keep") if late else dropping(office)
    server = LoopbackServer(_file)
    server.start()
    office.bureau.url = server.base_url + "/{number}.{kind}"
    office.verify(claims(1, layouts=("xml",)))
    rules = HostRules(hosts=frozenset({"127.0.0.1"}), allow_private=True, allow_http=True)
    with office.bureau.driver(office.database, office.clock, office.clock.sleep) as driver:
        archiver = LayoutArchiver(
            office.bureau.source(), office.bureau.account(), office.database, FolderPlace(tmp_path / "archive"), driver=driver,
            downloader=Downloader(rules, timeout=5), clock=office.clock,
        )  # fmt: skip
        while (waiting := archiver.advance()) is not None:
            office.clock.sleep(waiting.not_before - office.clock())
    server.stop()
    if late:
        assert found(office) == {"测试员", "000-0000000"}
        dropping(office)
    assert found(office) == set()
    (head,) = office.rows("fapiao_invoice")
    assert (head["level"], head["drawer"], head["seller_name"]) == ("file", None, "甲乙丙测试有限公司")
    originals = [path.read_bytes().decode("utf-8", "replace") for path in (tmp_path / "archive").rglob("*.xml")]
    assert any("测试员" in text for text in originals)


def _file(call: Call) -> Answer:
    number, _, kind = call.path.rpartition("/")[2].partition(".")
    content = einvoice(number) if kind == "xml" else b"%PDF-1.7\n%%EOF\n"
    return Answer(body=content, content_type="application/octet-stream")
