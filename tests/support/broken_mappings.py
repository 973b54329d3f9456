"""Plugins whose normalize is wrong (group F)."""

from __future__ import annotations

from datetime import timezone
from decimal import Decimal
from typing import Any

import msgspec

from broken import broken
from fapiao import hookimpl
from fapiao.invoices.model import Invoice, NormalizeContext, Rejected
from toy_source import Toy

__all__: list[str] = []


class Mapping(Toy):
    """Changes what the good mapping made."""

    def changed(self, raw: Any, invoice: Invoice) -> Invoice:
        raise NotImplementedError

    @hookimpl
    def normalize(self, raw: Any, context: NormalizeContext) -> Invoice | Rejected:
        result = super().normalize(raw, context)
        return self.changed(raw, result) if isinstance(result, Invoice) else result


@broken("F1", "normalize", "AttributeError")
class NeedsASeller(Mapping):
    def changed(self, raw: Any, invoice: Invoice) -> Invoice:
        return msgspec.structs.replace(invoice, seller_name=raw["seller"].strip())


@broken("F2", "normalize", "with net = '测试' it raised InvalidOperation")
class TrustsItsAmounts(Mapping):
    def changed(self, raw: Any, invoice: Invoice) -> Invoice:
        return msgspec.structs.replace(invoice, amount_excl_tax=Decimal(raw.get("net") or 0))


@broken("F3", "normalize", "the float amount_excl_tax")
class CountsInFloats(Mapping):
    def changed(self, raw: Any, invoice: Invoice) -> Invoice:
        return msgspec.structs.replace(invoice, amount_excl_tax=100.0)


@broken("F4", "normalize", "one and the same number")
class NumbersAllAlike(Mapping):
    def changed(self, raw: Any, invoice: Invoice) -> Invoice:
        return msgspec.structs.replace(invoice, digital_number="24990112810000000001")


@broken("F5", "normalize", "with a time zone")
class KeepsTheZone(Mapping):
    def changed(self, raw: Any, invoice: Invoice) -> Invoice:
        at = invoice.issued_at
        return msgspec.structs.replace(invoice, issued_at=at and at.replace(tzinfo=timezone.utc))


@broken("F6", "normalize", "is dropped")
class DropsTheUnknown(Mapping):
    def changed(self, raw: Any, invoice: Invoice) -> Invoice:
        return msgspec.structs.replace(invoice, extra=None)


@broken("F7", "normalize", "is not rejected")
class MakesUpANumber(Mapping):
    def changed(self, raw: Any, invoice: Invoice) -> Invoice:
        return msgspec.structs.replace(invoice, digital_number=invoice.digital_number or "24990112810000999999")


@broken("F9", "describe", "dropping name data from the answer leaves drawer otherwise")
class HidesItsDrawer(Mapping):
    def changed(self, raw: Any, invoice: Invoice) -> Invoice:
        return msgspec.structs.replace(invoice, drawer=raw.get("seller"))


@broken("F8", "normalize", "other bytes the second time")
class CountsItsRecords(Mapping):
    calls = 0

    def changed(self, raw: Any, invoice: Invoice) -> Invoice:
        self.calls += 1
        return msgspec.structs.replace(invoice, declared_line_count=self.calls)
