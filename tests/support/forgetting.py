"""The plugin of a vendor as an older version of it might have been."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import msgspec

from fapiao.invoices.model import Invoice, NormalizeContext, Rejected
from fapiao.registry import Registry
from fapiao.spec import hookimpl
from fapiao_jcsk.source import Jcsk

__all__ = ["OLDER"]


class Forgetful(Jcsk):
    """An older version that did not know the usage (认证用途)."""

    @hookimpl
    def normalize(self, raw: Any, context: NormalizeContext) -> Invoice | Rejected:
        result = super().normalize(raw, context)
        if isinstance(result, Rejected) or result.deduction is None:
            return result
        return msgspec.structs.replace(result, deduction=msgspec.structs.replace(result.deduction, usage=None))


PLUGIN = Forgetful()
OLDER = Registry([EntryPoint("jcsk", "forgetting:PLUGIN", "fapiao.sources")], disabled=())
