"""Answers to verifications and layout files interpreted again: what is said about checks, documents and files follows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bureau import claim, claims, digital_number
from einvoices import einvoice
from fapiao.layouts import archiver, einvoice_xml
from fapiao.rereading.purging import purge
from fapiao.testing.loopback import Answer
from inquiring import Inquiry, shelved
from misreading import BUREAU
from offices import KINDS, FileHost
from rereading import PLUGIN, plain

Inquiries = Callable[..., Inquiry]


def checks(inquiry: Inquiry, *columns: str) -> list[Any]:
    return inquiry.of("verification", *columns)


def fields(text: str | None) -> list[str]:
    return [] if text is None else [part["field"] for part in msgspec.json.decode(text)]


def test_right_after_verifying_and_archiving_nothing_at_all_changes(
    inquire: Inquiries, url: str, tmp_path: Path
) -> None:
    inquiry = inquire(url)
    inquiry.busy(tmp_path)
    before = inquiry.everything()
    done = inquiry.renormalize()
    assert done.changes.pages == 5 + 7 + 2 + 2, "two generations, checks, tasks, XML files"
    assert (done.changes.rows, done.purged, done.failed, done.failures) == (0, 0, 0, [])
    assert "Nothing changed." in done.to_text()
    assert inquiry.everything() == before


def test_what_the_bureau_states_is_replayed_and_the_differences_follow(inquire: Inquiries, url: str) -> None:
    inquiry = inquire(url)
    inquiry.collect(shelved(1), shelved(2))
    BUREAU.mistake("seller", "finding")
    inquiry.ask(claims(3))
    keys = inquiry.of("invoice", "invoice_key")
    assert [fields(text) for text in checks(inquiry, "differences")] == [["seller_name"], ["seller_name"], []]
    asked = dict(inquiry.bureau.asked)

    done = inquiry.renormalize()

    assert inquiry.bureau.asked == asked, "nobody is asked"
    assert (done.changes.checks, done.changes.check_fields) == (2, {"differences": 2})
    assert done.changes.fields["seller_name"] == 3
    assert done.changes.findings_lost == {"X1": 3}
    assert checks(inquiry, "differences") == [None, None, None]
    assert set(inquiry.of("invoice", "seller_name")) == {"甲乙丙测试有限公司"}
    assert inquiry.of("invoice", "invoice_key") == keys
    assert "2 verifications changed: differences 2" in done.to_text()
    before = inquiry.everything()
    assert inquiry.renormalize().changes.rows == 0
    assert inquiry.everything() == before


def test_outcome_code_and_message_follow(inquire: Inquiries, url: str) -> None:
    inquiry = inquire(url)
    inquiry.bureau.script = {digital_number(1): ["NotExist"]}
    BUREAU.mistake("outcome", "untold")
    inquiry.ask(claims(2))
    done = inquiry.renormalize()
    assert checks(inquiry, "outcome", "message", "request_id") == [
        ("not_found", "as the bureau says", None), ("genuine", "", "r-1"),
    ]  # fmt: skip
    assert done.changes.check_fields == {"outcome": 1, "message": 1, "request_id": 1}


def test_an_invoice_that_is_genuine_after_all_is_a_document_and_back(inquire: Inquiries, url: str) -> None:
    inquiry = inquire(url)
    BUREAU.mistake("unfound")
    inquiry.ask(claims(2))
    assert inquiry.of("invoice") == []
    empty = inquiry.meaning()
    assert inquiry.renormalize().changes.new == 2
    documents = dict(inquiry.of("invoice", "digital_number", "invoice_key"))
    assert dict(checks(inquiry, "number", "invoice_key")) == documents
    done = inquiry.renormalize("unfound")
    assert (done.changes.gone, done.changes.checks) == (2, 2)
    assert inquiry.meaning() == empty


def test_a_record_that_was_rejected_is_loaded_and_its_check_leads_to_the_document(inquire: Inquiries, url: str) -> None:
    inquiry = inquire(url)
    BUREAU.mistake("rejects")
    inquiry.ask(claims(2))
    assert len(inquiry.of("rejected")) == 2
    done = inquiry.renormalize()
    assert (done.changes.loaded, done.changes.new) == (2, 2)
    assert inquiry.of("rejected") == []
    assert None not in checks(inquiry, "invoice_key")


def test_a_mended_collection_changes_what_its_checks_differ_in(inquire: Inquiries, url: str) -> None:
    inquiry = inquire(url)
    PLUGIN.mapping = lambda raw: plain(raw, seller_name="别的测试有限公司")
    inquiry.collect(shelved(1), shelved(2))
    inquiry.ask(claims(2))
    PLUGIN.mapping = plain
    done = inquiry.renormalize(source="atlas")
    assert checks(inquiry, "differences") == [None, None]
    assert done.changes.check_fields == {"differences": 2}


def test_differences_are_told_as_of_the_answer(inquire: Inquiries, sqlite_into: str) -> None:
    inquiry = inquire(sqlite_into)
    inquiry.collect(shelved(1))
    inquiry.ask(claims(2))
    inquiry.shop.now = inquiry.clock() + 86_400
    inquiry.collect(shelved(1, state="3"), shelved(2, by="别的测试有限公司"))
    assert inquiry.renormalize("finding").changes.findings_gained == {"X1": 2}
    assert checks(inquiry, "differences") == [None, None], "nobody had said so when the bureau answered"


def test_documents_that_were_taken_for_one_come_apart_with_their_checks(inquire: Inquiries, url: str) -> None:
    inquiry = inquire(url)
    BUREAU.mistake("one")
    inquiry.ask(claims(3))
    assert len(inquiry.of("invoice")) == 1
    inquiry.renormalize()
    documents = dict(inquiry.of("invoice", "digital_number", "invoice_key"))
    assert len(documents) == 3
    assert dict(checks(inquiry, "number", "invoice_key")) == documents


def test_who_holds_an_invoice_is_not_told_by_the_bureau(inquire: Inquiries, url: str) -> None:
    inquiry = inquire(url)
    inquiry.collect(shelved(1))
    BUREAU.mistake("seller")
    inquiry.ask(claims(2))
    held = inquiry.of("invoice_holding")
    assert len(held) == 1
    inquiry.renormalize()
    assert inquiry.of("invoice_holding") == held


def test_an_xml_file_is_read_again_and_stays_the_most_trusted_source(
    inquire: Inquiries, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inquiry = inquire(url)
    right = einvoice_xml.normalize
    monkeypatch.setattr(
        archiver, "normalize", lambda raw, context: msgspec.structs.replace(right(raw, context), remark=None, lines=())
    )
    BUREAU.mistake("seller")
    inquiry.ask(claims(2, layouts=KINDS))
    inquiry.fetch(tmp_path)
    assert set(inquiry.of("invoice", "remark", "line_count")) == {(None, 1)}
    for path in tmp_path.rglob("*.*"):
        path.unlink(missing_ok=True)

    done = inquiry.renormalize()

    assert done.changes.fields["remark"] == 2
    assert set(inquiry.of("invoice", "remark", "line_count", "level")) == {("一行\n两行", 2, "file")}
    assert set(inquiry.of("invoice", "seller_name")) == {"甲乙丙测试有限公司"}
    assert inquiry.renormalize().changes.rows == 0


def test_links_that_were_misread_are_replaced_and_fetched_by_the_next_run(
    inquire: Inquiries, url: str, tmp_path: Path
) -> None:
    inquiry = inquire(url)
    BUREAU.mistake("links")
    inquiry.ask(claims(2, layouts=KINDS))
    inquiry.fetch(tmp_path)
    assert sorted(inquiry.of("layout_file", "kind")) == ["xml", "xml"]

    done = inquiry.renormalize()

    assert (done.changes.links_new, done.changes.links_gone) == (4, 2)
    assert sorted(inquiry.of("layout_link", "kind", "state")) == sorted(
        [("ofd", "waiting"), ("pdf", "waiting"), ("xml", "archived")] * 2
    )
    inquiry.archive(tmp_path).verdict()
    assert sorted(inquiry.of("layout_file", "kind")) == sorted(KINDS * 2)
    assert inquiry.renormalize().changes.rows == 0


def test_a_task_that_had_files_after_all_is_answered(inquire: Inquiries, url: str, tmp_path: Path) -> None:
    inquiry = inquire(url)
    BUREAU.mistake("failed")
    inquiry.ask(claims(1, layouts=KINDS))
    inquiry.fetch(tmp_path)
    assert inquiry.of("layout_task", "state", "code") == [("failed", "NoFiles")]
    done = inquiry.renormalize()
    assert (done.changes.layout_tasks, done.changes.links_new) == (1, 3)
    assert inquiry.of("layout_task", "state", "code", "message") == [("answered", None, "")]


def test_a_task_id_that_was_misread_is_replaced_before_it_is_asked_about(
    inquire: Inquiries, url: str, tmp_path: Path
) -> None:
    inquiry = inquire(url)
    BUREAU.mistake("task")
    inquiry.ask(claims(2, layouts=KINDS))
    assert set(inquiry.of("layout_task", "task_id")).isdisjoint(inquiry.bureau.tasks)
    done = inquiry.renormalize()
    assert done.changes.layout_tasks == 3, "as floats both ids are the same"
    assert set(inquiry.of("layout_task", "task_id")) == set(inquiry.bureau.tasks)
    inquiry.fetch(tmp_path)
    assert len(inquiry.of("layout_file")) == 6


def test_a_task_that_another_check_of_the_invoice_may_name_stays(inquire: Inquiries, sqlite_into: str) -> None:
    inquiry = inquire(sqlite_into)
    inquiry.ask(claims(1, layouts=KINDS))
    inquiry.ask(claims(1, layouts=KINDS), max_age=0.0)
    assert len(inquiry.of("layout_task")) == 1
    inquiry.renormalize("task")
    assert len(inquiry.of("layout_task")) == 2, "the old one, and the one that is named now"
    inquiry.renormalize()
    assert set(inquiry.bureau.tasks) <= set(inquiry.of("layout_task", "task_id"))


@pytest.mark.parametrize("mistake", ["asks", "later"])
def test_an_answer_that_the_plugin_cannot_read_any_more_keeps_what_it_said(
    inquire: Inquiries, sqlite_into: str, tmp_path: Path, mistake: str
) -> None:
    inquiry = inquire(sqlite_into)
    inquiry.busy(tmp_path)
    before = inquiry.everything()
    done = inquiry.renormalize(mistake)
    assert (done.failed, done.changes.rows) == (7, 0)
    said = {"asks": "which the transcript of 1 answers does not have", "later": "is now read as 'later'"}[mistake]
    assert all("(source bureau, verification of 2499" in text and said in text for text in done.failures)
    assert inquiry.everything() == before


def test_a_file_that_is_now_read_as_that_of_another_invoice_keeps_what_it_said(
    inquire: Inquiries, host: FileHost, sqlite_into: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inquiry = inquire(sqlite_into)
    right = einvoice_xml.normalize
    monkeypatch.setattr(
        archiver,
        "normalize",
        lambda raw, context: msgspec.structs.replace(right(raw, context), digital_number=digital_number(1)),
    )
    host.spoil[f"{digital_number(1)}.xml"] = Answer(body=einvoice(digital_number(2)))
    inquiry.ask(claims(1, layouts=KINDS))
    inquiry.fetch(tmp_path)
    before = inquiry.everything()
    done = inquiry.renormalize()
    assert (done.failed, done.changes.rows) == (1, 0)
    assert "now read as that of another invoice" in done.failures[0]
    assert inquiry.everything() == before


def test_purged_answers_keep_what_they_said_and_are_counted(inquire: Inquiries, url: str, tmp_path: Path) -> None:
    inquiry = inquire(url)
    inquiry.collect(shelved(1))
    BUREAU.mistake("seller", "untold")
    inquiry.ask(claims(2, layouts=KINDS))
    inquiry.fetch(tmp_path)
    inquiry.clock.sleep(40 * 86_400)
    inquiry.ask([claim(3)])
    purge(inquiry.database, "2025-01-01", inquiry.clock() + 86_400)
    kept = checks(inquiry)[:2]

    done = inquiry.renormalize()

    assert (done.purged, done.purged_kinds) == (2 + 2 + 4, {"collect": 2, "verify": 2, "files": 4})
    assert "8 pages cannot be replayed, their raw was purged (files 4, collect 2, verify 2)" in done.to_text()
    assert checks(inquiry)[:2] == kept
    assert checks(inquiry, "request_id")[2] == "r-1"
    before = inquiry.everything()
    assert inquiry.renormalize().changes.rows == 0
    assert inquiry.everything() == before


def test_a_purged_check_follows_a_document_that_gets_another_key(inquire: Inquiries, url: str) -> None:
    inquiry = inquire(url)
    code = {"code": "099002400111", "short": "00000001"}
    PLUGIN.mapping = lambda raw: plain(raw, digital_number=None)
    inquiry.collect(shelved(1, **code))
    inquiry.ask(claims(1))
    assert len(inquiry.of("invoice")) == 2
    purge(inquiry.database, "2024-12-21", inquiry.clock() + 40 * 86_400)
    inquiry.shop.now = inquiry.clock() + 86_400
    inquiry.collect(shelved(1, **code))
    PLUGIN.mapping = plain
    inquiry.renormalize()
    (key,) = inquiry.of("invoice", "invoice_key")
    assert checks(inquiry, "invoice_key") == [key]


@pytest.mark.parametrize(
    ("wanted", "pages"),
    [
        ({"source": "bureau"}, 3),
        ({"source": "atlas"}, 0),
        ({"invoice_month": "202411"}, 3),
        ({"invoice_month": "202412"}, 1),
        ({"taxpayer_no": "91990000000000001X"}, 3),
        ({"taxpayer_no": "91990000000000003X"}, 1),
    ],
)
def test_only_what_is_asked_for_is_replayed(
    inquire: Inquiries, sqlite_into: str, tmp_path: Path, wanted: dict[str, str], pages: int
) -> None:
    """A month is that of issue as it was claimed; files go with the check that they were asked for with."""
    inquiry = inquire(sqlite_into)
    inquiry.ask([claim(1, layouts=("xml",))])
    inquiry.fetch(tmp_path)
    if "invoice_month" in wanted:
        inquiry.ask([claim(2, issued_on=claim(2).issued_on.replace(month=12))])
    elif "taxpayer_no" in wanted:
        inquiry.ask([claim(2, taxpayer_no="91990000000000003X")])
    assert inquiry.renormalize(**wanted).changes.pages == pages
