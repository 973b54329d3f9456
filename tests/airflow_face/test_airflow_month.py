"""Which month a run collects: the same on every version of Airflow, for every kind of run."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import Environment

from fapiao.airflow.macros import MACROS
from fapiao.airflow.month import month_before, month_of_run
from fapiao.errors import ConfigurationError

CHINA = timezone(timedelta(hours=8))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def run_of(run_type: str, run_id: str = "", **dates: str) -> SimpleNamespace:
    given = {name: at(text) for name, text in dates.items()}
    return SimpleNamespace(run_type=run_type, run_id=run_id or f"{run_type}__x", conf={}, **given)


THIRD_OF_JANUARY = {
    "2.11": run_of(
        "scheduled",
        logical_date="2024-12-03T02:00",
        data_interval_start="2024-12-03T02:00",
        data_interval_end="2025-01-03T02:00",
    ),
    "3.x": run_of(
        "scheduled",
        logical_date="2025-01-03T02:00",
        data_interval_start="2025-01-03T02:00",
        data_interval_end="2025-01-03T02:00",
        run_after="2025-01-03T02:00",
    ),
    "3.x with data intervals": run_of(
        "scheduled",
        logical_date="2024-12-03T02:00",
        data_interval_start="2024-12-03T02:00",
        data_interval_end="2025-01-03T02:00",
        run_after="2025-01-03T02:00",
    ),
}


@pytest.mark.parametrize("version", THIRD_OF_JANUARY)
def test_the_scheduled_run_of_the_third_of_january_collects_december(version: str) -> None:
    assert month_of_run({"dag_run": THIRD_OF_JANUARY[version]}) == "202412"


@pytest.mark.parametrize(
    "run",
    [
        run_of("backfill", logical_date="2024-11-03T02:00", data_interval_end="2024-12-03T02:00"),
        run_of(
            "backfill", logical_date="2024-11-03T02:00", data_interval_end="2024-11-03T02:00", run_after="2025-01-20"
        ),
    ],
    ids=["2.11", "3.x"],
)
def test_a_backfill_collects_the_month_of_its_date(run: Any) -> None:
    assert month_of_run({"dag_run": run}) == "202411"


@pytest.mark.parametrize("version", THIRD_OF_JANUARY)
def test_a_run_that_a_backfill_reprocesses_keeps_its_month(version: str) -> None:
    known = THIRD_OF_JANUARY[version]
    reprocessed = SimpleNamespace(**vars(known) | {"run_type": "backfill", "run_id": "scheduled__2025"})
    assert month_of_run({"dag_run": reprocessed}) == "202412"


@pytest.mark.parametrize(
    "run",
    [
        run_of("manual", logical_date="2025-01-02T10:00", data_interval_end="2024-12-03T02:00"),
        run_of(
            "manual",
            logical_date="2025-01-02T10:00",
            data_interval_end="2025-01-02T10:00",
            run_after="2025-01-02T10:00",
        ),
        SimpleNamespace(run_type="manual", run_id="m", conf={}, logical_date=None, run_after=at("2025-01-02T10:00")),
    ],
    ids=["2.11", "3.x", "3.x without a logical date"],
)
def test_a_manual_run_collects_the_month_before_it(run: Any) -> None:
    assert month_of_run({"dag_run": run}) == "202412"


def test_a_run_started_by_an_asset_collects_the_month_before_it() -> None:
    run = SimpleNamespace(
        run_type="asset_triggered", run_id="a", conf={}, logical_date=None, run_after=at("2025-03-31T23:59")
    )
    assert month_of_run({"dag_run": run}) == "202502"


def test_the_parameter_of_the_run_wins() -> None:
    assert month_of_run({"dag_run": THIRD_OF_JANUARY["3.x"], "params": {"invoice_month": "202301"}}) == "202301"


def test_an_empty_parameter_does_not_win() -> None:
    assert month_of_run({"dag_run": THIRD_OF_JANUARY["3.x"], "params": {"invoice_month": None}}) == "202412"


def test_the_configuration_of_the_run_wins_where_no_parameter_is_declared() -> None:
    run = SimpleNamespace(**vars(THIRD_OF_JANUARY["3.x"]) | {"conf": {"invoice_month": "202301"}})
    assert month_of_run({"dag_run": run, "params": {}}) == "202301"


def test_the_first_hours_of_a_month_in_china_are_the_month_before_in_london() -> None:
    first = datetime(2024, 12, 31, 16, 0, tzinfo=timezone.utc)
    assert month_before(first) == "202412"
    assert month_before(first - timedelta(seconds=1)) == "202411"


@pytest.mark.parametrize(("back", "month"), [(0, "202501"), (1, "202412"), (2, "202411"), (13, "202312")])
def test_older_months_are_counted_back_over_the_turn_of_the_year(back: int, month: str) -> None:
    assert month_before(at("2025-01-03T02:00"), back) == month


def test_a_backfill_can_ask_for_older_months_too() -> None:
    run = run_of("backfill", logical_date="2025-01-03T02:00")
    assert month_of_run({"dag_run": run}, 2) == "202412"


def test_a_run_without_any_date_says_which_parameter_to_give() -> None:
    with pytest.raises(ConfigurationError, match="invoice_month"):
        month_of_run({"dag_run": SimpleNamespace(run_type="manual", conf=None)})


def test_the_macro_reads_the_run_from_the_template() -> None:
    template = Environment(autoescape=True).from_string("{{ fapiao_month() }} {{ fapiao_month(2) }}")
    assert template.render(dag_run=THIRD_OF_JANUARY["2.11"], **MACROS) == "202412 202411"
