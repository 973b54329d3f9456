"""One raw record as a canonical invoice: which mapping reads it, by interface and shape."""

from __future__ import annotations

from typing import Any

from fapiao.invoices.model import Invoice, NormalizeContext, Rejected
from fapiao.invoices.problems import Problems, finding
from fapiao_qixiangyun.collected.customs import customs_payment
from fapiao_qixiangyun.collected.heads import invoice
from fapiao_qixiangyun.verified.heads import verified_invoice

__all__ = ["normalize"]

_VERIFY = "verify"
_CUSTOMS = "17"


def normalize(raw: Any, context: NormalizeContext) -> Invoice | Rejected:
    """The record as an invoice with everything the mapping noticed, or a rejection where there is no record.

    ``context.api`` decides the code tables: ``verify`` for the answer of customizedCheck, else the collection's rows. Whether the
    numbers identify the document is judged by ``fapiao.invoices``. Pure, and never raises.
    """
    if type(raw) is not dict:
        return Rejected(reasons=(finding("V3", ""),))
    problems = Problems()
    if context.api == _VERIFY:
        return verified_invoice(raw, problems)
    if "jkshm" in raw or (context.type == _CUSTOMS and "fphm" not in raw):
        return customs_payment(raw, context, problems)
    return invoice(raw, context, problems)
