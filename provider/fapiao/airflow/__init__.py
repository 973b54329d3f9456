"""The Airflow face: connection types, hooks, operators, sensors and triggers over the use cases of ``fapiao``.

The only part of the package that imports Airflow; everything that differs between Airflow 2.11 and 3.x is in
:mod:`fapiao.airflow.compat`.
"""
