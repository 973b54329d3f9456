"""The template macro ``fapiao_month``.

Installed with the distribution as ``{{ macros.fapiao.fapiao_month() }}``; where that plugin is not loaded, give a DAG
``user_defined_macros=MACROS`` and write ``{{ fapiao_month() }}``. The operators of this package need neither: without an
``invoice_month`` they decide the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from fapiao.airflow.month import month_of_run

__all__ = ["MACROS", "fapiao_month"]


@pass_context
def fapiao_month(context: Context, months_back: int = 1) -> str:
    """The invoice month ``yyyymm`` that this run collects; see :mod:`fapiao.airflow.month`."""
    return month_of_run(context, months_back)


MACROS: Mapping[str, Callable[..., Any]] = {"fapiao_month": fapiao_month}
"""For a DAG's ``user_defined_macros``."""
