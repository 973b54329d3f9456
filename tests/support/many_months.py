"""A ledger of thousands of months, written as rows: collecting them would take hours and prove nothing more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from fapiao.store import Database
from fapiao.store.tables.invoices import holdings, invoices
from fapiao.store.tables.ledger import collections, slices

CLOSED_AT = 1_731_900_000.0
_BATCH = 20_000
_BUSY = 8
"""Slices of a month that hold invoices; the others are empty."""


def months(count: int, first: int = 2022 * 12) -> list[str]:
    """``yyyymm``, from January 2022 on."""
    return [f"{number // 12:04d}{number % 12 + 1:02d}" for number in range(first, first + count)]


def taxpayer(number: int) -> str:
    """A taxpayer number of region 99."""
    return f"9199{number:014d}"


def fill(database: Database, taxpayers: int, month_names: Sequence[str], slices_per_month: int = 40) -> None:
    """Fill an empty database: mostly proven; every 97th month is incomplete, every 211th failed, the last ones open."""
    rows = list(_rows(taxpayers, month_names, slices_per_month))
    for table, chosen in (
        (collections, [row for row, _ in rows]),
        (slices, [part for _, parts in rows for part in parts]),
        (invoices, [_document(number) for number in range(taxpayers)]),
        (holdings, [_holding(number, month_names[-1]) for number in range(taxpayers)]),
    ):
        for start in range(0, len(chosen), _BATCH):
            _insert(database, table, chosen[start : start + _BATCH])


def _insert(database: Database, table: Any, rows: list[dict[str, Any]]) -> None:
    database.transact(lambda connection: connection.execute(table.insert(), rows))


def _rows(
    taxpayers: int, month_names: Sequence[str], each: int
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    key = 0
    for number in range(taxpayers):
        for place, month in enumerate(month_names):
            if (number + place) % 389 == 388:
                continue  # never collected
            key += 1
            trouble = "incomplete" if key % 97 == 0 else "failed" if key % 211 == 0 else ""
            is_open = place == len(month_names) - 1 and number % 20 == 0
            state = "started" if is_open else "incomplete" if trouble else "complete"
            yield (
                {
                    "collection_id": key, "source": "ekuaibao", "account": "corp-99", "taxpayer_no": taxpayer(number),
                    "invoice_month": month, "kind": "collect", "query": "", "generation": 1, "state": state,
                    "joined": False, "restarts": 0, "requests": 5, "opened_at": CLOSED_AT - 60,
                    "closed_at": None if is_open else CLOSED_AT, "dag_id": "monthly", "task_id": "months.collect",
                    "run_id": f"scheduled__{month}-03T00:00:00+00:00", "map_index": number, "try_number": 2,
                },
                [_slice(key, place, part, trouble if part == 0 else "", is_open) for part in range(each)],
            )  # fmt: skip


def _slice(key: int, place: int, part: int, trouble: str, is_open: bool) -> dict[str, Any]:
    loaded = 0 if is_open or part >= _BUSY else 10 + (key + part) % 7 + place
    state = "waiting" if is_open else trouble or ("complete" if loaded else "empty")
    return {
        "slice_id": (key - 1) * 100 + part + 1, "collection_id": key, "type": f"{part // 2 + 1:02d}",
        "direction": "output" if part % 2 else "input", "state": state, "read_no": 1,
        "expected": None if is_open else loaded + (3 if trouble else 0), "loaded": loaded, "rejected": 0,
        "amount_excl_tax": Decimal(loaded) * 100, "tax_amount": Decimal(loaded) * 13, "stale": False, "retried": False,
        "changed_at": CLOSED_AT, "closed_at": None if is_open else CLOSED_AT,
    }  # fmt: skip


def _document(number: int) -> dict[str, Any]:
    return {
        "invoice_key": number + 1, "doc_type": "digital_special", "doc_type_raw": "81", "is_red": False,
        "state": "normal", "level": "full", "line_count": 0, "sources": "ekuaibao", "first_seen_at": CLOSED_AT,
        "changed_at": CLOSED_AT, "seller_tax_no": taxpayer(number), "seller_name": f"第{number:04d}号测试有限公司",
    }  # fmt: skip


def _holding(number: int, month: str) -> dict[str, Any]:
    return {
        "invoice_key": number + 1, "taxpayer_no": taxpayer(number), "direction": "output", "invoice_month": month,
        "first_seen_at": CLOSED_AT, "last_seen_at": CLOSED_AT,
    }  # fmt: skip
