"""A plugin whose module Airflow imports whenever it parses a DAG: site_airflow registers it as an Airflow plugin."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from toy_source import Toy

__all__ = ["Broken", "plugin"]


class Broken(AirflowPlugin):
    name = "broken"


plugin = Toy()
