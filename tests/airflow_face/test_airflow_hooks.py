"""The hook of a vendor connection, the database that ``into`` names, and the connection form."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest

from fapiao.airflow import databases, hooks
from fapiao.airflow.connections import connection_of
from fapiao.airflow.forms import field_behaviour, widgets
from fapiao.airflow.hooks import InvoiceSourceHook
from fapiao.airflow.names import hook_class_name, source_of_hook_class
from fapiao.errors import ConfigurationError, SourceUnavailable
from fapiao.registry import registry

pytestmark = pytest.mark.airflow

Vendor = Callable[..., Any]


def connection(monkeypatch: pytest.MonkeyPatch, conn_id: str, **fields: Any) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))


def test_the_connection_test_logs_in(vendor: Vendor) -> None:
    simulator = vendor()
    passed, message = InvoiceSourceHook("ekuaibao_default").test_connection()
    assert passed
    assert simulator.base_url in message
    assert simulator.report().operations == {"login": 1}


def test_the_connection_test_says_what_is_wrong_without_the_secret(vendor: Vendor) -> None:
    vendor(secret="canary-not-the-password")
    passed, message = InvoiceSourceHook("ekuaibao_default").test_connection()
    assert not passed
    assert "canary" not in message


def test_the_connection_test_names_what_the_connection_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    connection(monkeypatch, "bare", conn_type="ekuaibao")
    passed, message = InvoiceSourceHook("bare").test_connection()
    assert not passed
    assert "login" in message
    assert "corp_id" in message


@pytest.mark.parametrize("extra", ['["canary-in-extra"]', "canary-in-extra", '{"canary-in-extra": '])
def test_an_extra_that_is_not_an_object_is_refused_without_quoting_it(extra: str) -> None:
    record = SimpleNamespace(conn_id="odd", host="", schema="", login="", password="", port=None, extra=extra)
    with pytest.raises(ConfigurationError, match="odd is not a JSON object") as caught:
        connection_of(record)
    assert "canary" not in str(caught.value)


def test_a_connection_without_a_type_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    connection(monkeypatch, "untyped", login="a", password="b", extra={"corp_id": "X"})
    with pytest.raises(ConfigurationError, match="no connection type"):
        _ = InvoiceSourceHook("untyped").account


def test_a_connection_of_a_vendor_that_is_not_installed_says_which_are(monkeypatch: pytest.MonkeyPatch) -> None:
    connection(monkeypatch, "other", conn_type="nosuchvendor", login="a")
    with pytest.raises(SourceUnavailable, match="ekuaibao"):
        _ = InvoiceSourceHook("other").source


def test_the_class_of_a_vendor_is_made_when_it_is_asked_for() -> None:
    made = hooks.EkuaibaoHook
    assert issubclass(made, InvoiceSourceHook)
    assert (made.conn_type, made.conn_name_attr) == ("ekuaibao", "conn_id")
    assert hooks.EkuaibaoHook is made


@pytest.mark.parametrize("name", ["NosuchvendorHook", "Something", "ekuaibaoHook"])
def test_there_is_no_class_of_anything_else(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(hooks, name)


@pytest.mark.parametrize("source", ["ekuaibao", "a", "v2x", "jcsk"])
def test_class_names_lead_back_to_their_source(source: str) -> None:
    assert source_of_hook_class(hook_class_name(source)) == source


def test_both_forms_are_made_of_the_same_descriptor() -> None:
    descriptor = registry.get("ekuaibao").descriptor
    new, old = field_behaviour(descriptor, kebab_case=True), field_behaviour(descriptor, kebab_case=False)
    assert new["hidden-fields"] == old["hidden_fields"]
    assert new["relabeling"] == old["relabeling"]


@pytest.mark.skipif(find_spec("flask_appbuilder") is None, reason="the form of Airflow 2.11 needs flask_appbuilder")
@pytest.mark.filterwarnings("ignore")  # the webserver's libraries of that time
def test_the_form_of_2_11_has_a_widget_for_each_setting() -> None:
    made = widgets(registry.get("ekuaibao").descriptor)
    assert {"corp_id", "page_size", "verify_tls", "requests_per_second"} <= set(made)


def test_a_url_is_a_database(into: str) -> None:
    assert databases.database(into) is databases.database(into)


@pytest.mark.parametrize("into", ["", "  ", "no_such_connection"])
def test_a_database_that_is_not_there_is_one_sentence(into: str) -> None:
    with pytest.raises(ConfigurationError):
        databases.database(into)


@pytest.mark.filterwarnings("ignore")  # Airflow 2.11 imports every hook here, and with them the webserver's libraries
def test_a_connection_that_is_no_database_is_refused(vendor: Vendor) -> None:
    vendor()
    with pytest.raises(ConfigurationError, match="EkuaibaoHook has no SQLAlchemy engine"):
        databases.database("ekuaibao_default")


@pytest.mark.skipif(find_spec("airflow.providers.sqlite") is None, reason="needs apache-airflow-providers-sqlite")
def test_a_database_connection_is_a_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    connection(monkeypatch, "fapiao_database", conn_type="sqlite", host=f"{tmp_path}/invoices.db")
    assert f"{tmp_path}/invoices.db" in databases.database("fapiao_database").place


def test_a_password_in_a_url_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    masked: list[str] = []
    monkeypatch.setattr(databases, "mask_secret", masked.append)
    databases.mask_url("postgresql://user:canary-pass@db.example/x")
    databases.mask_url("postgresql://user@db.example/x")
    databases.mask_url("{{ var.value.url }}")
    assert masked == ["canary-pass"]


def test_importing_the_hooks_imports_no_vendor(run: Callable[..., Any]) -> None:
    code = "import sys, fapiao.airflow.hooks; print([m for m in sys.modules if m.startswith('fapiao_')])"
    finished = run("-c", code)
    assert finished.stdout.strip().splitlines()[-1] == "[]", finished.stderr
