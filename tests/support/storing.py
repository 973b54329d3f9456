"""What the store's tests work with: synthetic invoices as examined records, and a ledger with one open slice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa

from fapiao.invoices.identity import numbers_of
from fapiao.invoices.intake import Examined
from fapiao.invoices.model import (
    Customs,
    Finding,
    Invoice,
    Level,
    Line,
    Severity,
    SpecialBusiness,
    Trip,
    Vehicle,
)
from fapiao.store import (
    CollectionKey,
    CollectionRecord,
    Database,
    Ledger,
    Loader,
    LoadReport,
    PageLoad,
    SliceRecord,
)
from fapiao.store.tables.schema import metadata
from fapiao.store.tables.views import links
from fapiao.wire import SliceKey

HOLDER = "91990000000000001X"
SELLER = "91990000000000002X"
MONTH = "202411"
NOON = 1_731_900_000.25
"""Epoch seconds in November 2024."""
INPUT = SliceKey("81", "input")
OUTPUT = SliceKey("81", "output")


def line(number: int, **changes: Any) -> Line:
    """A line of 100.00 yuan at 13 %."""
    values: dict[str, Any] = {
        "item_name": "*软件*测试服务", "quantity": Decimal(3), "quantity_text": "3",
        "unit_price": Decimal("33.333333333333333"), "unit_price_text": "33.333333333333333",
        "amount_excl_tax": Decimal("100.00"), "tax_rate": Decimal("0.13"), "tax_rate_text": "0.13",
        "tax_rate_kind": "rate", "tax_amount": Decimal("13.00"),
    }  # fmt: skip
    return Line(line_no=number, **(values | changes))


def invoice(number: int = 1, **changes: Any) -> Invoice:
    """A digital invoice with two lines; ``number`` makes the 20-digit number."""
    values: dict[str, Any] = {
        "doc_type": "digital_special", "doc_type_raw": "81", "digital_number": f"2499{number:016d}",
        "issued_at": datetime(2024, 11, 3, 10, 30, 1), "issued_on": date(2024, 11, 3),  # noqa: DTZ001 -- as printed
        "invoice_month": MONTH, "seller_tax_no": SELLER, "seller_name": "甲乙丙测试有限公司", "buyer_tax_no": HOLDER,
        "buyer_name": "丁戊己测试有限公司", "amount_excl_tax": Decimal("200.00"), "tax_amount": Decimal("26.00"),
        "amount_incl_tax": Decimal("226.00"), "state": "normal", "state_raw": "0", "lines": (line(1), line(2)),
    }  # fmt: skip
    return Invoice(**(values | changes))


def paper(number: int = 1, **changes: Any) -> Invoice:
    """The paper face of an invoice: code and 8-digit number, no 20-digit one."""
    return invoice(
        number,
        **{
            "doc_type": "digital_paper_special", "doc_type_raw": "84", "digital_number": None,
            "invoice_code": "099002400111", "invoice_number": f"{number:08d}",
        } | changes,
    )  # fmt: skip


def full_invoice() -> Invoice:
    """One invoice in which every field of the model has a value of its own."""
    made = {kind: _filled(kind) for kind in (Line, Vehicle, Customs, Trip, SpecialBusiness)}
    head = _values(
        Invoice, skip={"lines", "vehicle", "customs", "trips", "special_businesses", "deduction", "findings"}
    )
    return Invoice(
        **head
        | {
            "digital_number": "24990000000000000077", "level": Level.FILE, "is_red": True, "has_goods_list": True,
            "amounts_derived": ("tax_amount", "amount_incl_tax"),
        },
        lines=(made[Line],),
        vehicle=made[Vehicle],
        customs=made[Customs],
        trips=(made[Trip],),
        special_businesses=(made[SpecialBusiness],),
    )  # fmt: skip


def _filled(kind: Any) -> Any:
    return kind(**_values(kind, skip=set()))


def _values(kind: Any, skip: set[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for place, field in enumerate(msgspec.structs.fields(kind), 1):
        if field.name in skip:
            continue
        declared = str(kind.__annotations__[field.name])
        if "Decimal" in declared:
            values[field.name] = Decimal(place) / 4 if "rate" not in field.name else Decimal("0.09")
        elif "datetime" in declared:
            values[field.name] = datetime(2024, 11, 3, 10, 30, place, 123456)  # noqa: DTZ001 -- as printed
        elif "date" in declared:
            values[field.name] = date(2024, 11, 1 + place % 28)
        elif "Mapping" in declared:
            values[field.name] = {"新字段": ["值", place]}
        elif "int" in declared:
            values[field.name] = place
        elif "bool" in declared or "Level" in declared or "tuple" in declared:
            continue
        else:
            values[field.name] = f"v{place}"
    return values


def finding(rule: str = "A1", message: str = "The amounts do not add up.") -> Finding:
    """A remark that leaves the invoice loaded."""
    return Finding(rule=rule, severity=Severity.WARNING, field="amount_incl_tax", message=message)


def examined(stated: Invoice, ordinal: int = 0, findings: tuple[Finding, ...] = ()) -> Examined:
    """A record that passed the gate."""
    return Examined(
        ordinal=ordinal,
        raw={"fphm": stated.digital_number, "je": stated.amount_excl_tax},
        invoice=stated,
        numbers=numbers_of(stated),
        findings=findings,
        rejected=(),
    )


def refused(ordinal: int = 0, raw: Any = None) -> Examined:
    """A record that the gate quarantined."""
    reason = Finding(rule="N0", severity=Severity.REJECT, field="fphm", message="The record carries no number at all.")
    return Examined(ordinal=ordinal, raw=raw, invoice=None, numbers=(), findings=(), rejected=(reason,))


class Shelf:
    """A database with the ledger, the loader and one open collection."""

    def __init__(self, database: Database, *slices: SliceKey) -> None:
        self.database = database
        self.ledger = Ledger(database)
        self.loader = Loader(database, clock=lambda: NOON + 60)
        self.key = CollectionKey("ekuaibao", "corp-99", HOLDER, MONTH)
        self.wanted = slices or (INPUT, OUTPUT)
        self.collection = self.open()

    def open(self, now: float = NOON) -> CollectionRecord:
        """The open generation, or the next one; pages go to it from now on."""
        self.collection = self.ledger.open(self.key, self.wanted, now)
        return self.collection

    def slice(self, key: SliceKey = INPUT) -> SliceRecord:
        """A slice of the current collection."""
        return next(part for part in self.ledger.slices(self.collection.collection_id) if part.key == key)

    def page(self, *records: Invoice | Examined, key: SliceKey = INPUT, cursor: str = "", **changes: Any) -> PageLoad:
        """A page with these records; invoices become records that passed the gate."""
        part = self.slice(key)
        values: dict[str, Any] = {
            "slice_id": part.slice_id, "collection_id": part.collection_id, "read_no": part.read_no, "cursor": cursor,
            "source": "ekuaibao", "api": "collect", "fetched_at": NOON, "total": None, "remaining": (),
            "record_count": len(records), "transcript": b"compressed", "transcript_sha256": "0" * 64,
            "taxpayer_no": HOLDER, "direction": key.direction, "invoice_month": MONTH, "type": key.type,
            "records": [
                examined(record, place) if isinstance(record, Invoice) else record for place, record in enumerate(records)
            ],
        }  # fmt: skip
        return PageLoad(**(values | changes))

    def load(self, *records: Invoice | Examined, key: SliceKey = INPUT, cursor: str = "", **changes: Any) -> LoadReport:
        """Load one page."""
        return self.loader.load([self.page(*records, key=key, cursor=cursor, **changes)])

    def close(self, state: str = "complete", now: float = NOON) -> None:
        """Prove every slice by what is loaded and close the generation."""
        for part in self.ledger.slices(self.collection.collection_id):
            tally = self.ledger.tally(part.slice_id)
            proven = "rejected" if tally.rejected else "complete" if tally.loaded else "empty"
            self.ledger.close_slice(part.slice_id, proven, tally, None, None, now)
        self.ledger.close(self.collection.collection_id, state, now)

    def rows(self, name: str, *without: str) -> list[dict[str, Any]]:
        """All rows of a table, ordered by its primary key, without the named columns."""
        table = metadata.tables[name]
        query = sa.select(*[column for column in table.columns if column.name not in without])
        query = query.order_by(*table.primary_key.columns)
        return self.database.read(lambda connection: [dict(row) for row in connection.execute(query).mappings()])

    def links(self) -> list[tuple[int, int, str]]:
        """Links between documents: (from, to, kind)."""
        query = sa.select(links.c.from_key, links.c.to_key, links.c.link_type).order_by(*list(links.c)[:3])
        return self.database.read(lambda connection: [tuple(row) for row in connection.execute(query)])

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table, for "nothing has changed"."""
        return {name: self.rows(name) for name in sorted(metadata.tables) if name != "fapiao_counter"}


def documents(shelf: Shelf) -> list[Any]:
    """The documents without keys and times of writing, comparable between databases filled in different orders."""
    numbers: dict[int, list[tuple[str, str]]] = {}
    for row in shelf.rows("fapiao_invoice_number"):
        numbers.setdefault(row["invoice_key"], []).append((row["scheme"], row["value"]))
    names: dict[int, Any] = {key: tuple(sorted(found)) for key, found in numbers.items()}
    told: list[Any] = []
    for table, ignored in _COMPARABLE.items():
        for row in shelf.rows(table, *ignored):
            key = row.pop("invoice_key")
            told.append((table, names.get(key, key), sorted((name, _plain(value)) for name, value in row.items())))
    return sorted(told)


def _plain(value: Any) -> str:
    return str(value.normalize() if isinstance(value, Decimal) else value)


_COMPARABLE: dict[str, Sequence[str]] = {
    "fapiao_invoice": ("changed_at",),
    "fapiao_invoice_line": (),
    "fapiao_vehicle": (),
    "fapiao_customs": (),
    "fapiao_trip": (),
    "fapiao_special_business": (),
    "fapiao_invoice_reference": (),
    "fapiao_invoice_holding": (),
    "fapiao_observation": ("page_id", "ordinal"),
    "fapiao_finding": ("finding_id", "page_id", "slice_id", "ordinal", "found_at"),
}
