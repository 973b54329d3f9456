"""Connections: read from JSON, URI, environment and file, and never quoted in an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from fapiao.connection import Connection
from fapiao.errors import ConfigurationError

PASSWORD = "canary-9f8e7d6c5b4a"


def test_json_and_uri_give_the_same_connection() -> None:
    from_json = Connection.from_json(
        '{"conn_type": "ekuaibao", "host": "https://h.example:8443", "login": "key", "password": "p:w/d", '
        '"extra": "{\\"corp_id\\": \\"c1\\"}"}',
        conn_id="x",
    )
    from_uri = Connection.from_uri("ekuaibao://key:p%3Aw%2Fd@h.example:8443/https?corp_id=c1", conn_id="x")
    assert from_json.extra == from_uri.extra == {"corp_id": "c1"}
    assert from_json.base_url("https://default.example") == from_uri.base_url("https://default.example")
    assert from_json.password == from_uri.password
    assert from_json.password.reveal() == "p:w/d"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("", "https://app.example"),
        ("h.example", "https://h.example"),
        ("http://127.0.0.1:8123/", "http://127.0.0.1:8123"),
        ("https://gateway.example/base/", "https://gateway.example/base"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_a_host_becomes_a_base_url(host: str, expected: str) -> None:
    assert Connection(conn_id="x", host=host).base_url("https://app.example/") == expected


@pytest.mark.parametrize("host", ["ftp://h.example", "https://", "https://u:p@h.example", "https://h.example?x=1"])
def test_a_host_that_is_not_a_web_address_is_refused_by_name(host: str) -> None:
    with pytest.raises(ConfigurationError, match="host of the connection office"):
        Connection(conn_id="office", host=host).base_url("https://app.example")


@pytest.mark.parametrize(
    "text", [f'{{"password": "{PASSWORD}"', f'{{"password": "{PASSWORD}", "port": "x"}}', "[]", ""]
)
def test_an_unreadable_connection_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Connection.from_json(text, conn_id="FAPIAO_CONN_EKUAIBAO")
    assert "FAPIAO_CONN_EKUAIBAO" in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_the_environment_is_read_in_the_documented_order() -> None:
    own, airflow = '{"login": "own"}', '{"login": "airflow"}'
    both = {"FAPIAO_CONN_EKUAIBAO": own, "AIRFLOW_CONN_EKUAIBAO": airflow}
    assert Connection.from_environment("ekuaibao", both).login == "own"
    assert Connection.from_environment("ekuaibao", {"AIRFLOW_CONN_EKUAIBAO": airflow}).login == "airflow"
    assert Connection.from_environment("ekuaibao", {"AIRFLOW_CONN_EKUAIBAO_DEFAULT": airflow}).login == "airflow"


def test_missing_credentials_name_the_variable_to_set() -> None:
    with pytest.raises(ConfigurationError, match="FAPIAO_CONN_EKUAIBAO"):
        Connection.from_environment("ekuaibao", {})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.json"):
        Connection.from_file(tmp_path / "nowhere.json")


def test_a_connection_prints_without_its_password() -> None:
    assert PASSWORD not in repr(Connection.from_json(f'{{"password": "{PASSWORD}"}}', conn_id="x"))
