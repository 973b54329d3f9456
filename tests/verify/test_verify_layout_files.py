"""Layout files: asked for once, committed before they are fetched, fetched until they are there, read where they are XML."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bureau import claims, digital_number
from einvoices import einvoice, pdf
from fapiao.errors import IncompleteError
from fapiao.store.tables.verifications import layout_tasks
from fapiao.testing.loopback import Answer
from offices import KINDS, FileHost, serving


@pytest.fixture
def files() -> Iterator[tuple[FileHost, str]]:
    host = FileHost()
    with serving(host) as url:
        yield host, url


def prepared(office: Any, url: str, count: int = 2) -> None:
    office.bureau.url = url
    office.verify(claims(count, layouts=KINDS))


def test_files_are_archived_under_their_content(office: Any, files: Any, tmp_path: Path) -> None:
    prepared(office, files[1])
    office.bureau.running[next(iter(office.bureau.tasks))] = 2
    done = office.archive(tmp_path / "archive")
    done.verdict()

    rows = office.rows("fapiao_layout_file")
    assert sorted((row["number"], row["kind"]) for row in rows) == sorted(
        (digital_number(place), kind) for place in (1, 2) for kind in KINDS
    )
    invoices = {row["digital_number"]: row for row in office.rows("fapiao_invoice")}
    for row in rows:
        path = Path(row["uri"].removeprefix("file://"))
        assert path.stat().st_size == row["size"]
        assert path.name == f"{row['sha256']}.{row['kind']}"
        assert row["invoice_key"] == invoices[row["number"]]["invoice_key"]
    assert {row["state"] for row in office.rows("fapiao_layout_link")} == {"archived"}
    assert {row["url"] for row in office.rows("fapiao_layout_link")} == {None}
    assert done.summary().archived == 6


def test_the_xml_is_the_most_trusted_source(office: Any, files: Any, tmp_path: Path) -> None:
    prepared(office, files[1], 1)
    office.archive(tmp_path / "archive")
    (invoice,) = office.rows("fapiao_invoice")
    assert invoice["level"] == "file"
    assert invoice["remark"] == "一行\n两行"
    assert invoice["line_count"] == 2
    assert invoice["amount_excl_tax"] == Decimal("101.00")
    assert {row["api"] for row in office.rows("fapiao_observation")} == {"verify", "files"}


def test_task_ids_of_19_digits_survive(office: Any, files: Any) -> None:
    prepared(office, files[1], 1)
    (task,) = office.rows("fapiao_layout_task")
    assert task["task_id"] == "9007199254740993001"
    with office.archiver(None) as made:
        assert made.ask() is None
    assert office.bureau.taken == {"9007199254740993001"}


def test_links_are_committed_before_anything_is_fetched(office: Any, files: Any, tmp_path: Path) -> None:
    prepared(office, files[1])
    with office.archiver(None) as made:
        made.ask()
    assert files[0].calls == []
    assert [row["state"] for row in office.rows("fapiao_layout_link")] == ["waiting"] * 6
    asked = dict(office.bureau.answered)
    office.archive(tmp_path / "archive").verdict()
    assert office.bureau.answered == asked, "no second paid job"
    assert len(office.rows("fapiao_layout_file")) == 6


def test_a_lost_answer_is_reported_and_not_asked_for_again(sqlite_office: Any, files: Any, tmp_path: Path) -> None:
    office = sqlite_office
    prepared(office, files[1])
    lost = min(office.bureau.tasks)
    office.bureau.task_script[lost] = ["lost"]
    done = office.archive(tmp_path / "archive")
    with pytest.raises(IncompleteError, match=r"task lost.*--ask-lost-again"):
        done.verdict()
    calls: list[str] = []
    office.bureau.on_call = lambda path, _: calls.append(path)
    office.archive(tmp_path / "archive")
    office.verify(claims(2, layouts=KINDS))
    assert "/files" not in calls
    assert "/verify" not in calls


def test_a_lost_task_is_asked_again_when_told_to(sqlite_office: Any, files: Any, tmp_path: Path) -> None:
    office = sqlite_office
    prepared(office, files[1], 1)
    (task_id,) = office.bureau.tasks
    office.bureau.task_script[task_id] = ["lost"]
    office.archive(tmp_path / "archive")
    office.bureau.taken.clear()
    with office.archiver(tmp_path / "archive") as made:
        assert made.ask_lost_again() == 1
        made.advance()
        made.verdict()


def test_a_question_that_a_killed_process_was_asking_is_lost(office: Any, files: Any, tmp_path: Path) -> None:
    prepared(office, files[1], 1)
    dead = f"{socket.gethostname()}/999999999/abcdef01"
    office.database.transact(
        lambda connection: (
            connection.execute(
                layout_tasks.update().values(state="asking", holder=dead, asked_at=office.clock())
            ).rowcount
        )
    )
    calls: list[str] = []
    office.bureau.on_call = lambda path, _: calls.append(path)
    with pytest.raises(IncompleteError, match="task lost"):
        office.archive(tmp_path / "archive").verdict()
    assert calls == []


def test_a_garbled_answer_may_have_been_the_only_one(sqlite_office: Any, files: Any, tmp_path: Path) -> None:
    prepared(sqlite_office, files[1], 1)
    (task_id,) = sqlite_office.bureau.tasks
    sqlite_office.bureau.task_script[task_id] = ["garbled"] * 5
    sqlite_office.archive(tmp_path / "archive")
    assert sqlite_office.rows("fapiao_layout_task")[0]["state"] == "lost"


def test_a_task_that_has_run_out_is_a_failure_with_its_code(sqlite_office: Any, files: Any, tmp_path: Path) -> None:
    prepared(sqlite_office, files[1], 1)
    sqlite_office.bureau.taken.update(sqlite_office.bureau.tasks)
    with pytest.raises(IncompleteError, match="task failed"):
        sqlite_office.archive(tmp_path / "archive").verdict()
    assert sqlite_office.rows("fapiao_layout_task")[0]["code"] == "BusinessVerification"


def test_a_single_file_is_fetched_again_in_the_next_run(sqlite_office: Any, files: Any, tmp_path: Path) -> None:
    host, url = files
    prepared(sqlite_office, url, 1)
    host.spoil[f"{digital_number(1)}.pdf"] = Answer(body=b"<html>busy</html>", content_type="text/html")
    with pytest.raises(IncompleteError, match=r"pdf waiting .what came in place of the PDF file is a web page"):
        sqlite_office.archive(tmp_path / "archive").verdict()
    host.calls.clear()
    sqlite_office.archive(tmp_path / "archive").verdict()
    assert host.calls == [f"{digital_number(1)}.pdf"]


def test_a_broken_off_download_leaves_no_file(sqlite_office: Any, files: Any, tmp_path: Path) -> None:
    host, url = files
    prepared(sqlite_office, url, 1)
    for kind in KINDS:
        host.spoil[f"{digital_number(1)}.{kind}"] = Answer(body=pdf("x" * 1000), delivery="cut")
    sqlite_office.archive(tmp_path / "archive")
    assert [path for path in (tmp_path / "archive").rglob("*") if path.is_file()] == []


def test_the_xml_of_another_invoice_is_not_taken(sqlite_office: Any, files: Any, tmp_path: Path) -> None:
    host, url = files
    prepared(sqlite_office, url, 1)
    host.spoil[f"{digital_number(1)}.xml"] = Answer(body=einvoice(digital_number(2)))
    sqlite_office.archive(tmp_path / "archive")
    assert {row["kind"]: row["state"] for row in sqlite_office.rows("fapiao_layout_link")}["xml"] == "refused"
    assert len(sqlite_office.rows("fapiao_invoice")) == 1


def test_signed_addresses_are_in_no_log(
    sqlite_office: Any, files: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host, url = files
    prepared(sqlite_office, url, 1)
    host.spoil[f"{digital_number(1)}.pdf"] = Answer(status=403)
    with caplog.at_level("DEBUG"):
        sqlite_office.archive(tmp_path / "archive")
    assert "HTTP 403" in caplog.text
    assert "canary-signature" not in caplog.text
