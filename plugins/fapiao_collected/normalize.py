"""One raw record of a collection as a canonical invoice: which of the two mappings reads it."""

from __future__ import annotations

from typing import Any

from fapiao.invoices.model import Invoice, NormalizeContext, Rejected
from fapiao.invoices.problems import Problems, finding
from fapiao.invoices.texts import is_blank
from fapiao_collected.customs import customs_payment
from fapiao_collected.dialect import Dialect
from fapiao_collected.heads import invoice

__all__ = ["normalize"]

_CUSTOMS = "17"


def normalize(raw: Any, context: NormalizeContext, dialect: Dialect) -> Invoice | Rejected:
    """The record as an invoice with everything the mapping noticed, or a rejection where there is no record.

    Whether the numbers identify the document is judged by ``fapiao.invoices``. Pure, and never raises.
    """
    if type(raw) is not dict:
        return Rejected(reasons=(finding("V3", ""),))
    problems = Problems()
    # By what is stated, not by the keys: a vendor may write the fields of all shapes into every record, empty.
    if not is_blank(raw.get("jkshm")) or (context.type == _CUSTOMS and is_blank(raw.get("fphm"))):
        return customs_payment(raw, context, dialect, problems)
    return invoice(raw, context, dialect, problems)
