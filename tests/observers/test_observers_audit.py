"""The audit trail: whole lines from any number of writers, nothing in them that must not be."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from collecting import APP_SECURITY
from fapiao import redaction
from fapiao.audit import AuditTrail, from_environment
from fapiao.events import AttemptFinished, SliceClosed
from fapiao.invoices.tax_numbers import is_personal
from fapiao.observing import observers
from trying import Trial

Trying = Callable[..., Trial]

ATTEMPT = AttemptFinished(
    at=1_733_800_000.25,
    source="demo",
    account="corp",
    method="POST",
    path="/invoices",
    number=1,
    outcome="delivered",
    seconds=0.5,
    status=200,
    bytes=17,
)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_month_leaves_one_line_for_every_attempt_page_and_slice(trying: Trying, tmp_path: Path) -> None:
    attempt = trying()
    path = tmp_path / "audit.jsonl"
    with observers.added(AuditTrail(path), "audit"):
        ended = attempt.run()
    assert ended.error is None, ended.text
    written = lines(path)
    kinds = [line["event"] for line in written]
    assert kinds.count("attempt_finished") == attempt.report().total
    assert kinds.count("slice_closed") == len(ended.slices)
    assert kinds.count("page_committed") == attempt.report().operations["read"]
    assert APP_SECURITY not in path.read_text("utf-8")
    assert "accessToken" not in path.read_text("utf-8")


def test_a_line_says_when_what_and_which_process_and_leaves_out_what_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    AuditTrail(path).attempt_finished(ATTEMPT)
    assert path.read_text("utf-8") == (
        f'{{"at":"2024-12-10T03:06:40.250+00:00","event":"attempt_finished","process":{os.getpid()},"source":"demo",'
        '"account":"corp","method":"POST","path":"/invoices","number":1,"outcome":"delivered","seconds":0.5,"status":200,'
        '"bytes":17}\n'
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_there_already_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text('{"at":"before"}\n')
    AuditTrail(path).attempt_finished(ATTEMPT)
    assert lines(path)[0]["at"] == "before"
    assert len(lines(path)) == 2


def test_a_registered_secret_is_masked_wherever_it_turns_up(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    secret = "canary-vendor-code-9b1"
    redaction.register(secret)
    AuditTrail(path).attempt_finished(msgspec.structs.replace(ATTEMPT, code=secret))
    assert secret not in path.read_text("utf-8")
    assert lines(path)[0]["code"] == "***"


def write_many(path: str, writer: int) -> None:
    trail = AuditTrail(Path(path))
    for ordinal in range(200):
        trail.attempt_finished(msgspec.structs.replace(ATTEMPT, number=ordinal, path=f"/{writer}/" + "x" * 3000))


def test_lines_of_several_processes_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(str(path), writer)) for writer in range(4)]
    for process in writers:
        process.start()
    for process in writers:
        process.join(60)
        assert process.exitcode == 0
    written = lines(path)
    assert len(written) == 800
    for writer in range(4):
        mine = [line["number"] for line in written if str(line["path"]).startswith(f"/{writer}/")]
        assert mine == list(range(200)), "in the order they were written"


def test_a_folder_that_is_missing_fails_the_observer_not_the_run(trying: Trying, tmp_path: Path) -> None:
    attempt = trying()
    with observers.added(AuditTrail(tmp_path / "nowhere" / "audit.jsonl"), "audit"):
        ended = attempt.run()
    assert ended.error is None, ended.text
    assert attempt.untrue(ended) == []


def test_it_is_off_until_the_environment_names_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FAPIAO_AUDIT_FILE", raising=False)
    assert from_environment() is None
    monkeypatch.setenv("FAPIAO_AUDIT_FILE", str(tmp_path / "audit.jsonl"))
    assert isinstance(from_environment(), AuditTrail)


def test_amounts_of_a_slice_are_text(tmp_path: Path) -> None:
    from decimal import Decimal

    path = tmp_path / "audit.jsonl"
    AuditTrail(path).slice_closed(
        SliceClosed(
            at=0.0, source="demo", account="corp", kind="collect", taxpayer_no="919900000000000192",
            invoice_month="202411", type="01", direction="input", collection_id=1, generation=1, slice_id=2,
            state="complete", expected=1, loaded=1, rejected=0, amount_excl_tax=Decimal("137542.10"),
            tax_amount=Decimal("0.00"), code=None,
        )
    )  # fmt: skip
    assert lines(path)[0]["amount_excl_tax"] == "137542.10"


@pytest.mark.parametrize(
    ("number", "personal"),
    [
        ("919900000000000192", False),
        ("990101199001011234", True),
        ("99010119900101123X", True),
        ("99010119900101123412", True),
        ("990101900101123", True),
        ("990101901301123", False),
        ("", False),
    ],
)
def test_a_citizens_number_is_told_from_a_companys(number: str, personal: bool) -> None:
    assert is_personal(number) is personal
