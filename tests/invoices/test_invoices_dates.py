"""Dates and months."""
# ruff: noqa: DTZ001 -- times printed on documents are naive China time

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from fapiao.invoices.dates import day, moment, month, unshifted
from fapiao.invoices.problems import Problems

AT = datetime(2024, 11, 5, 14, 58, 24)


@pytest.mark.parametrize(
    "raw",
    [
        "2024-11-05 14:58:24",
        "2024-11-05T14:58:24",
        "20241105145824",
        20241105145824,
        "20241105145824123",
        "2024年11月5日 14:58:24",
        "2024年11月5日14时58分24秒",
        "2024/11/5 14:58:24",
        "2024-11-05 14:58:24.0",
        "2024-11-05T06:58:24Z",
        "2024-11-05T14:58:24+08:00",
        "2024-11-05T01:58:24.000-05:00",
        1730789904000,
        "1730789904000",
        Decimal(1730789904000),
        "２０２４－１１－０５ １４：５８：２４",
        " 2024-11-05 14:58:24 ",
    ],
)
def test_e11_an_instant_is_read_in_every_form(raw: Any) -> None:
    problems = Problems()
    assert moment(raw, problems, "issued_at") == (AT, date(2024, 11, 5))
    assert not problems


@pytest.mark.parametrize(
    "raw", ["2024-11-05", "20241105", 20241105, "2024/11/5", "2024年11月5日", "2024.11.05", Decimal(20241105)]
)
def test_e11_a_day_is_read_in_every_form_and_has_no_time(raw: Any) -> None:
    problems = Problems()
    assert moment(raw, problems, "issued_at") == (None, date(2024, 11, 5))
    assert day(raw, problems, "departs_on") == date(2024, 11, 5)
    assert not problems


def test_e11_a_stated_midnight_is_a_time() -> None:
    assert moment("2024-11-05 00:00:00", Problems(), "issued_at") == (datetime(2024, 11, 5), date(2024, 11, 5))


@pytest.mark.parametrize(
    "raw", ["0000-00-00", "0000-00-00 00:00:00", "1970-01-01", "1899-12-30", "0001-01-01", "9999-12-31", 0, "00000000"]
)
def test_e11_placeholders_are_left_empty_and_reported(raw: Any) -> None:
    problems = Problems()
    assert moment(raw, problems, "issued_at") == (None, None)
    assert day(raw, Problems(), "issued_on") is None
    assert [item.rule for item in problems.found()] == ["D2"]


@pytest.mark.parametrize(
    "raw",
    [
        "abc",
        "2024-13-01",
        "2023-02-29",
        "2024-02-30 10:00:00",
        "2024-11-05 25:00:00",
        "20241305",
        "2024",
        -5,
        10**30,
        True,
        [1],
    ],
)
def test_an_unreadable_date_is_left_empty_and_reported(raw: Any) -> None:
    problems = Problems()
    assert moment(raw, problems, "issued_at") == (None, None)
    assert [item.rule for item in problems.found()] == ["D1"]


@pytest.mark.parametrize("raw", [None, "", " ", "null", [], {}])
def test_e10_no_date_is_none_without_a_word(raw: Any) -> None:
    problems = Problems()
    assert moment(raw, problems, "issued_at") == (None, None)
    assert day(raw, problems, "issued_on") is None
    assert month(raw, problems, "invoice_month") is None
    assert not problems


def test_a_float_date_is_refused() -> None:
    problems = Problems()
    assert moment(20241105.0, problems, "issued_at") == (None, None)
    assert month(202411.0, problems, "invoice_month") is None
    assert [item.rule for item in problems.found()] == ["V1", "V1"]


def test_e29_leap_day_and_last_days_of_months_are_read() -> None:
    assert day("2024-02-29", Problems(), "issued_on") == date(2024, 2, 29)
    assert day("20240229", Problems(), "issued_on") == date(2024, 2, 29)
    assert moment("2024-12-31 23:59:59", Problems(), "issued_at")[1] == date(2024, 12, 31)


def test_e29_an_epoch_counts_the_day_in_china() -> None:
    # 2023-12-31 16:00:00 UTC is New Year in China.
    assert moment(1704038400000, Problems(), "issued_at") == (datetime(2024, 1, 1), date(2024, 1, 1))


@pytest.mark.parametrize(
    "raw",
    [
        202411,
        "202411",
        Decimal(202411),
        "2024-11",
        "2024年11月",
        "2024/11",
        "2024-11-05",
        "20241105",
        "２０２４１１",
        "2024-11-05 10:00:00",
    ],
)
def test_e11_a_month_is_read_in_every_form(raw: Any) -> None:
    problems = Problems()
    assert month(raw, problems, "invoice_month") == "202411"
    assert not problems


@pytest.mark.parametrize("raw", ["202413", "20241", "abc", "000000", 0, -1, "2024", "2024-0", True, [1]])
def test_an_unreadable_month_is_left_empty_and_reported(raw: Any) -> None:
    problems = Problems()
    assert month(raw, problems, "invoice_month") is None
    assert [item.rule for item in problems.found()] == ["D1"]


def test_e11_a_utc_midnight_is_moved_to_the_day_in_china_where_asked() -> None:
    problems = Problems()
    shifted = datetime(2025, 8, 27, 16)
    assert unshifted(shifted, problems, "issued_at", date(2025, 8, 28)) == datetime(2025, 8, 28)
    assert [item.rule for item in problems.found()] == ["D4"]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2025, 8, 27, 16), date(2025, 8, 27)),
        (datetime(2025, 8, 27, 16, 0, 1), date(2025, 8, 28)),
        (datetime(2025, 8, 28), date(2025, 8, 28)),
        (None, None),
    ],
)
def test_an_honest_time_is_not_moved(at: datetime | None, expected: date | None) -> None:
    problems = Problems()
    assert unshifted(at, problems, "issued_at", expected) == at
    assert not problems


def test_without_a_known_day_every_utc_midnight_is_moved() -> None:
    assert unshifted(datetime(2024, 10, 31, 16), Problems(), "issued_at") == datetime(2024, 11, 1)
