"""The plugin as the registry and a connection form see it."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from fapiao.connection import Connection
from fapiao.errors import ConfigurationError
from fapiao.registry import Source
from fapiao.spec import Capability
from fapiao.wire import Secret
from fapiao_jcsk import plugin

WHOLE = {
    "host": "http://127.0.0.1:8080",
    "login": "demoappid01",
    "password": "demosecret01",
    "extra": {"group_tax_no": "91000000TESTGRP01X"},
}


def connection(**changes: object) -> Connection:
    return Connection.from_json(msgspec.json.encode(WHOLE | changes), conn_id="test")


def test_the_registry_accepts_the_plugin() -> None:
    source = Source.of(plugin)
    assert source.name == "jcsk"
    assert source.descriptor.capabilities == {Capability.SYNC}
    assert plugin.describe() == source.descriptor


def test_the_account_is_the_appid_and_its_secret_is_one() -> None:
    account = Source.of(plugin).account(connection())
    assert (account.name, account.base_url, account.secret) == (
        "demoappid01",
        "http://127.0.0.1:8080",
        Secret("demosecret01"),
    )
    assert (account.settings["path"], account.settings["page_size"]) == ("/invoice/S000621", 100)
    assert "demosecret01" not in repr(account)


@pytest.mark.parametrize("missing", ["host", "login", "password"])
def test_a_connection_without_its_essentials_is_refused(missing: str) -> None:
    """Every deployment has a host of its own: there is none to fall back to."""
    with pytest.raises(ConfigurationError, match=f"{missing} .*is missing"):
        Source.of(plugin).account(connection(**{missing: ""}))


def test_the_group_tax_number_is_required() -> None:
    with pytest.raises(ConfigurationError, match="group_tax_no"):
        Source.of(plugin).account(connection(extra={}))


def test_settings_from_a_form_are_text_and_serve_as_well() -> None:
    source = Source.of(plugin)
    extra = {"group_tax_no": "91000000TESTGRP01X", "page_size": "50", "sign_prefix": False, "max_archive_entries": "3"}
    account = source.account(connection(extra=extra))
    assert (account.settings["page_size"], account.settings["sign_prefix"]) == (50, "False")


def test_every_list_is_documented_with_its_confidence_dates_and_filters() -> None:
    descriptor = plugin.describe()
    codes = descriptor.codes
    assert list(descriptor.lists) == ["10", "11", "12", "15", "17", "40"]
    assert {code for code, dates in codes["rzzt dates"].items() if dates == "勾选日期"} == {"11", "15", "17"}
    assert all(text.endswith(("(inferred)", "(guess)")) for text in descriptor.lists.values())
    assert codes["rzzt filters"]["40"] == "adapter"


def test_importing_the_plugin_brings_no_network_and_no_simulator() -> None:
    script = (
        "import sys, fapiao_jcsk; "
        "heavy = {'requests', 'httpx', 'airflow', 'sqlalchemy', 'fapiao.testing', 'fapiao_jcsk.simulator'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert answer.stdout.strip() == "[]"
