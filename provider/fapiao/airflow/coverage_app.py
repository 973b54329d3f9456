"""The coverage page inside Airflow's API server (3.1 and newer): a few routes that only read, each with a login.

Airflow mounts a plugin's application without authentication, so every route, the style sheet too, depends on
:func:`allowed`. Imported on the first request only; see :mod:`fapiao.airflow.coverage_view`.
"""

from __future__ import annotations

import logging
import time
from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, FastAPI, HTTPException, Query, Response
from fastapi.responses import JSONResponse

from fapiao.airflow.compat import conf
from fapiao.airflow.coverage_view import TITLE, base_path
from fapiao.airflow.databases import database
from fapiao.coverage.chart import month_chart
from fapiao.coverage.documents import matrix_document, slice_fields, total_fields
from fapiao.coverage.report import asset, filled, month_table
from fapiao.errors import FapiaoError
from fapiao.reports.reconciling import reconciled_totals
from fapiao.store import Database, coverage_detail, coverage_matrix, coverage_months, taxpayer_names
from fapiao.store.reports.control_totals import INVOICES

__all__ = ["application"]

log = logging.getLogger(__name__)

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_MONTH = r"^\d{6}$"
_ALL_DAGS = "DAGs"
"""FAB's name of the right to all DAGs."""


def allowed(user: GetUserDep) -> None:
    """Let a request through whose user may see the page; 401 without a user, 403 without the right.

    With ``[fapiao] coverage_dags`` whoever may read all of those DAGs; without it, whoever may read the custom view or, in FAB,
    all DAGs: FAB knows rights only to what its own code has named, so nobody could be given one to a view of ours.
    """
    manager = get_auth_manager()
    dags = conf.get("fapiao", "coverage_dags", fallback="").replace(",", " ").split()
    if dags:
        lacking = [
            dag_id
            for dag_id in dags
            if not manager.is_authorized_dag(method="GET", details=DagDetails(id=dag_id), user=user)
        ]
        if lacking:
            raise HTTPException(403, f"To see this page, you must be allowed to read the DAGs {', '.join(dags)}.")
    elif not any(
        manager.is_authorized_custom_view(method="GET", resource_name=name, user=user) for name in (TITLE, _ALL_DAGS)
    ):
        raise HTTPException(
            403,
            f"To see this page, you must be allowed to read the custom view '{TITLE}' or, in FAB, all DAGs; "
            "or [fapiao] coverage_dags names DAGs that you may read.",
        )


def ledger() -> Database:
    """The database that the configuration names; 404 where it names none."""
    into = conf.get("fapiao", "coverage_into", fallback="").strip()
    if not into:
        raise HTTPException(404, "[fapiao] coverage_into names no database.")
    return database(into)


Ledger = Annotated[Database, Depends(ledger)]
Name = Annotated[str, Query(max_length=128)]
Month = Annotated[str, Query(pattern=_MONTH)]


def application() -> FastAPI:
    """The application. Its routes are plain functions: FastAPI runs them in threads, not in the event loop."""
    app = FastAPI(title=TITLE, dependencies=[Depends(allowed)], openapi_url=None, docs_url=None, redoc_url=None)
    app.add_exception_handler(FapiaoError, _failed)

    @app.get("/")
    def page() -> Response:
        parts = {
            "STYLE": '<link rel="stylesheet" href="page.css">',
            "SCRIPT": '<script src="page.js" defer></script>',
        }
        return _answer(filled(parts), "text/html")

    @app.get("/page.css")
    def style() -> Response:
        return _answer(asset("page.css"), "text/css")

    @app.get("/page.js")
    def script() -> Response:
        return _answer(asset("page.js"), "text/javascript")

    @app.get("/matrix.json")
    def matrix(ledger: Ledger) -> Response:
        cells = coverage_matrix(ledger)
        names = taxpayer_names(ledger, {cell.taxpayer_no for cell in cells})
        return JSONResponse(matrix_document(cells, names, time.time(), base_path()), headers=_HEADERS)

    @app.get("/slices.json")
    def slices(ledger: Ledger, source: Name, account: Name, taxpayer_no: Name, invoice_month: Month) -> Response:
        found = coverage_detail(
            ledger,
            source=source,
            account=account,
            taxpayer_no=taxpayer_no,
            first_month=invoice_month,
            last_month=invoice_month,
        )
        return JSONResponse([slice_fields(part) for part in found], headers=_HEADERS)

    @app.get("/control_totals.json")
    def control_totals(ledger: Ledger, taxpayer_no: Name, invoice_month: Month) -> Response:
        found = reconciled_totals(
            ledger, INVOICES, taxpayers=[taxpayer_no], first_period=invoice_month, last_period=invoice_month
        )
        return JSONResponse([row for total in found for row in total_fields(total)], headers=_HEADERS)

    @app.get("/months.html")
    def months(ledger: Ledger) -> Response:
        totals = coverage_months(ledger)
        return _answer(month_chart(totals) + month_table(totals), "text/html")

    return app


def _answer(text: str, kind: str) -> Response:
    return Response(text, media_type=f"{kind}; charset=utf-8", headers=_HEADERS)


async def _failed(_request: Any, problem: Exception) -> Response:
    """What went wrong is for the administrator, in the log; the page says where to look."""
    log.error("The coverage page cannot read its database: %s", problem)
    return JSONResponse({"detail": type(problem).__name__}, status_code=503, headers=_HEADERS)
