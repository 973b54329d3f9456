"""An auth manager with rights to tell apart: Airflow's simple one lets every user with a role see every view and DAG."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

READABLE_DAG = "monthly_collection"


class PickyAuthManager(SimpleAuthManager):
    """Roles OP and ADMIN may see the view, USER may read what FAB calls *DAGs*, and everybody may read one DAG."""

    def is_authorized_custom_view(self, *, method: Any, resource_name: str, user: Any) -> bool:
        roles = {"Invoice coverage": {"OP", "ADMIN"}, "DAGs": {"USER"}}
        return method == "GET" and user.role in roles.get(resource_name, ())

    def is_authorized_dag(self, *, details: Any = None, **rest: Any) -> bool:
        return details is not None and details.id == READABLE_DAG
