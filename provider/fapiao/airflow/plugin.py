"""What Airflow loads through the entry point group ``airflow.plugins``: the macros, in every process, so nothing heavy."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from fapiao.airflow.macros import fapiao_month

__all__ = ["FapiaoPlugin"]


class FapiaoPlugin(AirflowPlugin):
    """Makes ``{{ macros.fapiao.fapiao_month() }}`` known."""

    name = "fapiao"
    macros = [fapiao_month]  # noqa: RUF012 - Airflow declares it so
