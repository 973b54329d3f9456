"""The coverage page behind FAB, the auth manager of most clusters: a real server, real logins, roles as FAB hands them out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
import requests

from api_server import airflow_environment, api_server
from fapiao.store import Database
from storing import HOLDER, NOON, Shelf, invoice

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("airflow.sdk") is None, reason="Airflow 2.11 has no place for such a page"),
]

FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
PASSWORD = "a password of the tests"
WITHOUT_RIGHTS = "Clerk"
"""A role that is made here, and that nobody has given a right."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with one user of each role, whose ledger has one month."""
    home = tmp_path_factory.mktemp("fab")
    into = f"sqlite:///{home / 'fapiao.db'}"
    database = Database.connect(into)
    shelf = Shelf(database)
    shelf.load(invoice(1), total=1)
    shelf.close(now=NOON)
    database.close()
    settings = {"AIRFLOW__CORE__AUTH_MANAGER": FAB, "AIRFLOW__FAPIAO__COVERAGE_INTO": into}
    with api_server(home, settings) as base:

        def airflow(*arguments: str) -> None:
            done = subprocess.run(
                [sys.executable, "-m", "airflow", *arguments], env=airflow_environment(home, settings), capture_output=True, text=True,
                check=False, timeout=300,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

        airflow("roles", "create", WITHOUT_RIGHTS)
        for role in ("Admin", "Viewer", WITHOUT_RIGHTS):
            airflow(
                "users", "create", "--username", role, "--password", PASSWORD, "--firstname", "A", "--lastname", "User",
                "--email", f"{role}@example.org", "--role", role,
            )  # fmt: skip
        yield base


def ask(address: str, role: str | None, route: str) -> requests.Response:
    """The page's answer to a user of the role; to nobody where it is None."""
    with requests.Session() as http:
        http.trust_env = False
        if role is not None:
            login = http.post(f"{address}/auth/token", json={"username": role, "password": PASSWORD}, timeout=60)
            assert login.status_code == 201, login.text
            http.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        return http.get(f"{address}/fapiao/coverage{route}", timeout=60)


@pytest.mark.parametrize("role", ["Admin", "Viewer"])
def test_who_may_read_all_dags_sees_the_months(address: str, role: str) -> None:
    answer = ask(address, role, "/matrix.json")
    assert answer.status_code == 200
    assert HOLDER in answer.text
    assert ask(address, role, "/").headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("route", ["/", "/page.css", "/page.js", "/matrix.json", "/months.html"])
def test_who_has_no_right_is_refused_and_told_what_is_lacking(address: str, route: str) -> None:
    answer = ask(address, WITHOUT_RIGHTS, route)
    assert answer.status_code == 403
    assert "custom view 'Invoice coverage' or, in FAB, all DAGs" in answer.text
    assert HOLDER not in answer.text


def test_nobody_is_asked_to_log_in(address: str) -> None:
    assert ask(address, None, "/matrix.json").status_code == 401
