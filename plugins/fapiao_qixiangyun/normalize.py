"""One raw record as a canonical invoice: which mapping reads it, by interface."""

from __future__ import annotations

from typing import Any

from fapiao.invoices.model import Invoice, NormalizeContext, Rejected
from fapiao.invoices.problems import Problems, finding
from fapiao_collected.dialect import Dialect
from fapiao_collected.normalize import normalize as normalize_row
from fapiao_qixiangyun.types import DOC_TYPES, SPECIAL_BUSINESS, STATES
from fapiao_qixiangyun.verified.heads import verified_invoice

__all__ = ["normalize"]

_VERIFY = "verify"
_DIALECT = Dialect(
    doc_types=DOC_TYPES,
    states=STATES,
    special_businesses=SPECIAL_BUSINESS,
    names_its_slice=True,
    midnight_in_utc=True,
)


def normalize(raw: Any, context: NormalizeContext) -> Invoice | Rejected:
    """The record as an invoice with everything the mapping noticed, or a rejection where there is no record.

    ``context.api`` decides the code tables: ``verify`` for the answer of customizedCheck, else the collection's rows. Whether the
    numbers identify the document is judged by ``fapiao.invoices``. Pure, and never raises.
    """
    if context.api != _VERIFY:
        return normalize_row(raw, context, _DIALECT)
    if type(raw) is not dict:
        return Rejected(reasons=(finding("V3", ""),))
    return verified_invoice(raw, Problems())
