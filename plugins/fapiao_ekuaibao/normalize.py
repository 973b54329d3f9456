"""One raw record of the collection interface as a canonical invoice."""

from __future__ import annotations

from typing import Any

from fapiao.invoices.model import Invoice, NormalizeContext, Rejected
from fapiao_collected.dialect import Dialect
from fapiao_collected.normalize import normalize as normalize_row
from fapiao_ekuaibao.types import DOC_TYPES, SPECIAL_BUSINESS, STATES

__all__ = ["normalize"]

_DIALECT = Dialect(doc_types=DOC_TYPES, states=STATES, special_businesses=SPECIAL_BUSINESS)


def normalize(raw: Any, context: NormalizeContext) -> Invoice | Rejected:
    """The record with everything the mapping noticed. Rows do not name their type: it is that of the slice. Never raises."""
    return normalize_row(raw, context, _DIALECT)
