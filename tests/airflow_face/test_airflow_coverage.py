"""RequireCoverageOperator: the month close goes on only when everything is proven, and says what is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from fapiao.store import Database
from fapiao.store.reports.control_totals import INVOICES, ControlTotal, store_totals
from fapiao_ekuaibao.simulator.scenario import Malformed

pytestmark = pytest.mark.airflow

Vendor = Callable[..., Any]
FIRST, SECOND, THIRD = "919900000000000192", "91990000000000027W", "91990000000000035P"


def test_a_proven_month_lets_the_dag_go_on_with_a_summary(face: Any, vendor: Vendor, into: str) -> None:
    simulator = vendor()
    face.run("batch_blocking", into=into, taxpayers=[FIRST, SECOND])
    before = simulator.report().total
    ran = face.run("gate_named_hard", into=into, taxpayers=[FIRST, SECOND], max_age="1h")
    assert ran.values["require"] == [
        {
            "source": "ekuaibao", "invoice_month": "202411", "taxpayers": 2, "slices": 4, "invoices": 12, "rejected": 0,
            "control_totals": 0, "missing": 0, "taxpayers_missing": 0,
        }
    ]  # fmt: skip
    assert simulator.report().total == before, "the vendor is not asked"


def test_a_named_taxpayer_that_was_never_collected_fails_the_task(
    face: Any, vendor: Vendor, into: str, capfd: pytest.CaptureFixture[str]
) -> None:
    vendor()
    face.run("one_blocking", into=into)
    ran = face.run("gate_named_hard", into=into, taxpayers=[FIRST, THIRD])
    assert ran.tasks["require"] == "failed"
    said = capfd.readouterr().out.replace("\\n", "\n")
    assert "AirflowFailException: The month 202411 of ekuaibao is not proven for 1 of 2 taxpayers" in said
    assert f"- {THIRD} all slices: never collected" in said
    assert f"- {FIRST} " not in said.partition("is not proven for")[2]


def test_without_a_list_a_taxpayer_that_was_forgotten_this_month_is_found(
    face: Any, vendor: Vendor, into: str, capfd: pytest.CaptureFixture[str]
) -> None:
    vendor()
    face.run("one_blocking", into=into)
    face.run("one_blocking", into=into, taxpayer_no=SECOND, invoice_month="202410")
    ran = face.run("gate_known_soft", into=into)
    assert ran.tasks["require"] == "skipped"
    assert f"- {SECOND} all slices: never collected" in capfd.readouterr().out.replace("\\n", "\n")


def test_rejected_records_keep_the_gate_shut_unless_accepted(face: Any, vendor: Vendor, into: str) -> None:
    vendor(malformed=(Malformed(kind="missing_number", type="81"),))
    face.run("one_blocking", into=into)
    assert face.run("gate_known_hard", into=into).tasks["require"] == "failed"
    assert face.run("gate_known_hard", into=into, on_rejected="accept").values["require"][0]["rejected"] == 1


def test_a_control_total_that_differs_fails_the_task_with_both_numbers_until_it_agrees(
    face: Any, vendor: Vendor, into: str, capfd: pytest.CaptureFixture[str]
) -> None:
    vendor()
    face.run("one_blocking", into=into)
    total = ControlTotal(kind=INVOICES, taxpayer_no=FIRST, period="202411", direction="input", invoice_count=7)
    store_totals(Database.connect(into), [total], 1_733_000_000.0)
    assert face.run("gate_known_hard", into=into).values["require"][0]["control_totals"] == 0
    assert face.run("gate_known_hard", into=into, control_totals="compare").tasks["require"] == "failed"
    said = capfd.readouterr().out.replace("\\n", "\n")
    assert f"- {FIRST} input control total: count: expected 7, stored 6, difference -1" in said
    store_totals(Database.connect(into), [msgspec.structs.replace(total, invoice_count=6)], 1_733_000_001.0)
    ran = face.run("gate_known_hard", into=into, control_totals="require")
    assert (ran.values["require"][0]["control_totals"], ran.values["require"][0]["missing"]) == (1, 0)


def test_the_ladder_collects_its_months_of_all_taxpayers_and_proves_each(
    face: Any, vendor: Vendor, into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = vendor(uniform=1)
    monkeypatch.setenv("AIRFLOW_VAR_FAPIAO_INTO", into)
    ran = face.run("recollection_ladder", months_back=[1, 3], poll_interval=0.2)
    assert ran.state == "success", ran.tasks
    months = [of_month[0]["invoice_month"] for of_month in ran.values["collect"]]
    assert len(set(months)) == 2
    assert [[row["taxpayer_no"] for row in of_month] for of_month in ran.values["collect"]] == [[FIRST, SECOND]] * 2
    assert [(row["invoice_month"], row["taxpayers"], row["missing"]) for row in ran.values["proven"]] == [
        (month, 2, 0) for month in months
    ]
    report = simulator.report()
    assert report.violations == ()
    assert report.refused_starts == {}
    assert sum(report.starts.values()) == 4


@pytest.mark.parametrize(
    ("conf", "sentence"),
    [
        ({"max_age": "soon"}, "The age 'soon' is not valid"),
        ({"control_totals": "maybe"}, "Allowed: ignore, compare, require."),
        ({"invoice_month": "2024-11"}, "yyyymm"),
        ({}, "No taxpayer was ever collected"),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    conf: dict[str, Any], sentence: str, face: Any, vendor: Vendor, into: str, capfd: pytest.CaptureFixture[str]
) -> None:
    vendor()
    if conf:
        face.run("one_blocking", into=into)
    assert face.run("gate_known_hard", into=into, **conf).tasks == {"require": "failed"}
    assert sentence in capfd.readouterr().out
