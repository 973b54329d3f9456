"""The buttons beside a task: the vendor's own web console, and the coverage page where Airflow has that (3.1 and later)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from fapiao.airflow.compat import AIRFLOW_3, BaseOperatorLink

if TYPE_CHECKING:
    from fapiao.airflow.bench import Bench

__all__ = ["COVERAGE_LINKS", "LINKS", "CoverageLink", "VendorConsoleLink", "note_console"]

_KEY = "fapiao_vendor_console"
"""In 2.11 the webserver makes the address of a link, and knows neither the rendered connection id nor the plugin: it is an XCom."""


class CoverageLink(BaseOperatorLink):
    """*Invoice coverage*: what is proven, taxpayer by taxpayer and month by month."""

    name = "Invoice coverage"

    @override
    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Address of the page on the server that shows the task."""
        from fapiao.airflow.coverage_view import coverage_link

        return str(coverage_link()["href"])


class VendorConsoleLink(BaseOperatorLink):
    """*Vendor console*: where people look at the vendor's jobs."""

    name = "Vendor console"

    @override
    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The address that :func:`note_console` has found; empty before, and where a vendor has none."""
        if AIRFLOW_3:  # asked of the worker, which still has the operator
            return str(getattr(operator, "vendor_console", ""))
        from airflow.models.xcom import XCom

        return str(XCom.get_value(ti_key=ti_key, key=_KEY) or "")


def note_console(task: Any, context: Mapping[str, Any], bench: Bench) -> None:
    """Remember where the console of the task's account is."""
    task.vendor_console = bench.source.console_url(bench.account)
    if not AIRFLOW_3 and task.vendor_console and (instance := context.get("ti")) is not None:
        instance.xcom_push(key=_KEY, value=task.vendor_console)


COVERAGE_LINKS: tuple[BaseOperatorLink, ...] = (CoverageLink(),) if AIRFLOW_3 else ()
"""Of a task that asks no vendor."""
LINKS: tuple[BaseOperatorLink, ...] = (VendorConsoleLink(), *COVERAGE_LINKS)
"""For ``operator_extra_links``."""
