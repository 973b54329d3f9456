"""What Airflow loads through the entry point group ``airflow.plugins``, in every process, so nothing heavy.

The macros, and from Airflow 3.1 on the coverage page, which is built by its first request. Airflow 2.11 knows neither
attribute of it and ignores them.
"""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from fapiao.airflow.compat import AIRFLOW_3
from fapiao.airflow.coverage_view import PREFIX, TITLE, CoverageView, coverage_link
from fapiao.airflow.macros import fapiao_month

__all__ = ["FapiaoPlugin"]


class FapiaoPlugin(AirflowPlugin):
    """Makes ``{{ macros.fapiao.fapiao_month() }}`` and the coverage page known."""

    name = "fapiao"
    macros = [fapiao_month]  # noqa: RUF012 - Airflow declares it so
    fastapi_apps = [{"app": CoverageView(), "url_prefix": PREFIX, "name": TITLE}] if AIRFLOW_3 else []
    external_views = [coverage_link()] if AIRFLOW_3 else []
