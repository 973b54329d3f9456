"""What a perfect reader makes of the vendor's row: the true invoice, less what its shape does not carry.

Written from the documents and the project's mapping rules, never from the plugin, which is tested against it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fapiao.invoices.model import Invoice, Level, Line
from fapiao_collected.simulated.rows import UNDOCUMENTED, state_code
from fapiao_collected.simulated.styles import Style, rate_text

__all__ = ["stated"]

replace = msgspec.structs.replace
_TAX_CONTROL = ("vat_special_paper", "vat_ordinary_paper", "vat_special_e", "vat_ordinary_e", "vat_roll")
_PAPER_FACES = ("digital_paper_special", "digital_paper_ordinary", "digital_paper_motor", "digital_paper_used_car")


def stated(invoice: Invoice, type_code: str, style: Style, *, both_numbers: bool = False) -> Invoice:
    """The canonical invoice that this row, written in this style, amounts to. ``both_numbers``: the vendor's rows have a
    second field, for the number behind a paper face."""
    changes: dict[str, Any] = {"doc_type_raw": type_code}
    if style.undocumented:
        changes["extra"] = dict((UNDOCUMENTED,))
    if invoice.doc_type == "customs_vat":
        lines = tuple(_line(line, style) for line in invoice.lines)
        value, kind = _common_rate(lines)
        changes.update(lines=lines, tax_rate=value, tax_rate_kind=kind, tax_rate_text=None)
        return replace(invoice, **changes)
    if style.date in (1, 2):
        changes["issued_at"] = None
    changes.update(_state(invoice, style))
    if invoice.doc_type in _PAPER_FACES and not both_numbers:
        changes["digital_number"] = None
    if invoice.vehicle is not None:
        text = rate_text(style, invoice.tax_rate, invoice.tax_rate_text)
        car = invoice.vehicle
        changes["tax_rate_text"] = text
        changes["lines"] = (
            replace(
                invoice.lines[0],
                item_name=f"{car.vehicle_type} {car.brand_model}",
                tax_rate_text=text,
                amount_incl_tax=invoice.amount_incl_tax,
            ),
        )
        return replace(invoice, **changes)
    in_tax_control = invoice.doc_type in _TAX_CONTROL
    lines = tuple(_line(line, style, "00" if in_tax_control else None) for line in invoice.lines)
    changes["lines"] = lines
    if not lines:
        changes["level"] = Level.HEAD
    if in_tax_control or invoice.doc_type in ("toll_e", "digital_toll"):
        # These shapes state no rate in the head: it is the lines', where they agree.
        value, kind = _common_rate(lines)
        changes.update(tax_rate=value, tax_rate_kind=kind, tax_rate_text=None)
        if not in_tax_control:
            changes["invoice_month"] = None
    else:
        changes["tax_rate_text"] = rate_text(style, invoice.tax_rate, invoice.tax_rate_text)
    return replace(invoice, **changes)


def _line(line: Line, style: Style, list_flag: str | None = None) -> Line:
    return replace(line, tax_rate_text=rate_text(style, line.tax_rate, line.tax_rate_text), list_flag_raw=list_flag)


def _state(invoice: Invoice, style: Style) -> dict[str, Any]:
    if invoice.trips and not style.state_shown:
        return {"state": "unknown", "state_raw": None}
    code = state_code(invoice, style)
    state = "red_unspecified" if code == "3" and not invoice.is_red else invoice.state
    return {"state": state, "state_raw": code}


def _common_rate(lines: tuple[Line, ...]) -> tuple[Any, str]:
    seen = {(line.tax_rate, line.tax_rate_kind) for line in lines if line.kind != "summary"}
    if not seen:
        return None, "missing"
    if len(seen) > 1:
        return None, "mixed"
    value, kind = seen.pop()
    return value, kind or "missing"
