"""The coverage page in Airflow's own API server: who may see it, what it says, what it costs those who do not."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fapiao.store import Database, TaskReference
from fapiao.store.reports.control_totals import INVOICES, ControlTotal, store_totals
from storing import HOLDER, MONTH, NOON, Shelf, invoice

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.skipif(find_spec("airflow.sdk") is None, reason="Airflow 2.11 has no place for such a page"),
]

READABLE_DAG = "monthly_collection"  # as picky_auth says
PAGE = "/fapiao/coverage"
ROUTES = ("/", "/page.css", "/page.js", "/matrix.json", "/months.html")
SLICES = f"/slices.json?source=ekuaibao&account=corp-99&taxpayer_no={HOLDER}&invoice_month={MONTH}"
TOTALS = f"/control_totals.json?taxpayer_no={HOLDER}&invoice_month={MONTH}"
HOSTILE = "<script>alert(1)</script>有限公司"

Client = Callable[..., Any]


@pytest.fixture(scope="module")
def server(airflow_home: Path) -> Iterator[Any]:
    """The whole API server as Airflow makes it, with plugins and middlewares, in this process."""
    migrated = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"], env=os.environ, capture_output=True, text=True, check=False
    )
    assert migrated.returncode == 0, migrated.stderr
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")  # Airflow's own
        patch.setenv(
            "AIRFLOW__API_AUTH__JWT_SECRET", "a secret of the tests that is long enough for every algorithm" * 2
        )
        patch.setenv("AIRFLOW__CORE__AUTH_MANAGER", "picky_auth.PickyAuthManager")
        from airflow.api_fastapi.app import create_app, purge_cached_app

        purge_cached_app()
        yield create_app(apps="core")
        purge_cached_app()


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """A proven month of a company with a hostile name, and the configuration that leads to it."""
    url = f"sqlite:///{tmp_path / 'fapiao.db'}"
    monkeypatch.setenv("AIRFLOW__FAPIAO__COVERAGE_INTO", url)
    database = Database.connect(url)
    shelf = Shelf(database)
    shelf.load(invoice(1, buyer_name=HOSTILE), total=1)
    shelf.close(now=NOON)
    yield shelf
    database.close()


@pytest.fixture
def client(server: Any) -> Client:
    """Gives a client that is logged in with a role; without one, nobody is."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from starlette.testclient import TestClient

    def log_in(role: str | None = None) -> Any:
        headers = {}
        if role is not None:
            token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="somebody", role=role))
            headers = {"Authorization": f"Bearer {token}"}
        return TestClient(server, headers=headers)

    return log_in


@pytest.mark.parametrize("route", [*ROUTES, SLICES, TOTALS])
def test_nobody_sees_anything_without_a_login(client: Client, ledger: Shelf, route: str) -> None:
    assert client().get(PAGE + route).status_code == 401


@pytest.mark.parametrize("route", [*ROUTES, SLICES, TOTALS])
def test_a_user_without_the_right_is_forbidden(client: Client, ledger: Shelf, route: str) -> None:
    assert client("VIEWER").get(PAGE + route).status_code == 403


@pytest.mark.parametrize("route", [*ROUTES, SLICES, TOTALS])
def test_a_user_with_the_right_sees_everything_and_nothing_is_kept_by_the_browser(
    client: Client, ledger: Shelf, route: str
) -> None:
    answer = client("OP").get(PAGE + route)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_a_token_that_was_tampered_with_is_no_login(client: Client, ledger: Shelf) -> None:
    reader = client("OP")
    reader.headers["Authorization"] = reader.headers["Authorization"][:-3] + "abc"
    assert reader.get(f"{PAGE}/matrix.json").status_code in {401, 403}


@pytest.mark.parametrize("role", ["VIEWER", "OP"])
@pytest.mark.parametrize(("dags", "expected"), [(READABLE_DAG, 200), (f"{READABLE_DAG}, other", 403)])
def test_where_dags_are_named_those_who_may_read_all_of_them_see_the_page(
    client: Client, ledger: Shelf, monkeypatch: pytest.MonkeyPatch, dags: str, expected: int, role: str
) -> None:
    monkeypatch.setenv("AIRFLOW__FAPIAO__COVERAGE_DAGS", dags)
    assert client(role).get(f"{PAGE}/matrix.json").status_code == expected


def test_who_may_read_all_dags_sees_the_page_for_fab_knows_no_right_to_it(client: Client, ledger: Shelf) -> None:
    assert client("USER").get(f"{PAGE}/matrix.json").status_code == 200


def test_who_is_forbidden_is_told_which_right_is_lacking(
    client: Client, ledger: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "custom view 'Invoice coverage'" in client("VIEWER").get(f"{PAGE}/").json()["detail"]
    monkeypatch.setenv("AIRFLOW__FAPIAO__COVERAGE_DAGS", "other")
    assert "the DAGs other" in client("VIEWER").get(f"{PAGE}/").json()["detail"]


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_the_page_only_reads(client: Client, ledger: Shelf, method: str) -> None:
    before = ledger.everything()
    assert getattr(client("ADMIN"), method)(f"{PAGE}/matrix.json").status_code == 405
    assert ledger.everything() == before


def test_the_matrix_and_its_slices_are_those_of_the_ledger(client: Client, ledger: Shelf) -> None:
    reader = client("OP")
    found = reader.get(f"{PAGE}/matrix.json").json()
    assert found["rows"] == [["ekuaibao", "corp-99", HOLDER, HOSTILE, "c"]]
    [received, issued] = reader.get(PAGE + SLICES).json()
    assert received[:8] == ["81", "input", "complete", 1, True, 1, 1, 0]
    assert issued[:3] == ["81", "output", "empty"]


def test_the_slices_name_the_task_that_collected_them(
    client: Client, ledger: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://data.example.com/airflow/")
    task = TaskReference(dag_id="monthly", task_id="load", run_id="manual__<b>", map_index=3, try_number=2)
    ledger.open(NOON + 60)
    ledger.ledger.worked_on(ledger.collection.collection_id, task)
    reader = client("OP")
    fields = reader.get(f"{PAGE}/matrix.json").json()["slice_fields"]
    found = [dict(zip(fields, row, strict=True)) for row in reader.get(PAGE + SLICES).json()]
    assert {row["generation"]: row["task"] for row in found} == {1: None, 2: msgspec.to_builtins(task)}
    assert reader.get(f"{PAGE}/matrix.json").json()["airflow"] == "/airflow"


def test_the_totals_of_a_month_are_beside_what_is_stored(client: Client, ledger: Shelf) -> None:
    of_month: dict[str, Any] = {"kind": INVOICES, "taxpayer_no": HOLDER, "period": MONTH, "direction": "input"}
    totals = [
        ControlTotal(**of_month, invoice_count=2, tax_amount=Decimal("26.00"), origin=HOSTILE),
        ControlTotal(**of_month, doc_type="digital_special", invoice_count=1),
        ControlTotal(**(of_month | {"period": "202410"}), invoice_count=1),
    ]
    store_totals(ledger.database, totals, NOON)
    reader = client("OP")
    assert reader.get(PAGE + TOTALS).json() == [
        ["input", "", "invoice_count", "2", "1", "-1", HOSTILE],
        ["input", "", "tax_amount", "26.00", "26.00", "0.00", HOSTILE],
        ["input", "电子发票（增值税专用发票）", "invoice_count", "1", "1", "0", ""],
    ]
    assert len(reader.get(f"{PAGE}/matrix.json").json()["total_fields"]) == 7
    assert reader.get(f"{PAGE}/control_totals.json?taxpayer_no={HOLDER}&invoice_month=2024").status_code == 422


def test_what_is_asked_for_is_bound_and_checked(client: Client, ledger: Shelf) -> None:
    reader = client("OP")
    asked = {"source": "ekuaibao", "account": "x' OR '1'='1", "taxpayer_no": HOLDER, "invoice_month": MONTH}
    assert reader.get(f"{PAGE}/slices.json", params=asked).json() == []
    for wrong in ({"invoice_month": "2024-11"}, {"invoice_month": "202411; --"}, {"account": "x" * 129}):
        assert reader.get(f"{PAGE}/slices.json", params=asked | wrong).status_code == 422
    assert reader.get(f"{PAGE}/slices.json").status_code == 422


def test_without_a_database_the_page_says_so(client: Client, ledger: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__FAPIAO__COVERAGE_INTO", "")
    reader = client("OP")
    assert reader.get(f"{PAGE}/").status_code == 200
    assert reader.get(f"{PAGE}/matrix.json").status_code == 404


def test_a_database_that_does_not_work_is_told_in_the_log_only(
    client: Client, ledger: Shelf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW__FAPIAO__COVERAGE_INTO", "postgresql://user:canary-password@127.0.0.1:1/nothing")
    answer = client("OP").get(f"{PAGE}/matrix.json")
    assert (answer.status_code, answer.json()) == (503, {"detail": "StoreError"})
    assert "the database nothing (postgresql)" in caplog.text
    assert "canary-password" not in caplog.text + answer.text


def test_the_database_may_be_a_connection_of_airflow(
    client: Client, ledger: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_COVERAGE_LEDGER", f"sqlite:///{ledger.database._engine.url.database}")
    monkeypatch.setenv("AIRFLOW__FAPIAO__COVERAGE_INTO", "coverage_ledger")
    assert [row[2] for row in client("OP").get(f"{PAGE}/matrix.json").json()["rows"]] == [HOLDER]


def test_the_menu_leads_to_the_page(client: Client, server: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow's own
        plugins = client("ADMIN").get("/api/v2/plugins").json()["plugins"]
    [ours] = [plugin for plugin in plugins if plugin["name"] == "fapiao"]
    [view] = ours["external_views"]
    assert (view["href"], view["url_route"], view["destination"]) == (f"{PAGE}/", "fapiao-coverage", "nav")


def test_a_process_that_only_loads_plugins_does_not_build_the_page(run: Callable[..., Any]) -> None:
    told = run(
        "-c",
        "import sys\n"
        "from airflow import plugins_manager\n"
        "import fapiao.airflow.plugin\n"
        "print([name for name in ('fastapi', 'fapiao.airflow.coverage_app', 'fapiao.store', 'fapiao.coverage') if name in sys.modules])",
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[-1] == "[]"
