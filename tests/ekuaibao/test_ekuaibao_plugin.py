"""The plugin in pluggy's eyes, and what it says about itself."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pluggy
import pytest

from fapiao.errors import FapiaoError, VendorUnreachable
from fapiao.invoices.codes import DOC_TYPES as CANONICAL
from fapiao.invoices.codes import STATES as CANONICAL_STATES
from fapiao.registry import Source
from fapiao.spec import FLOW_HOOKS, PROJECT, REQUIRED_HOOKS, InvoiceSource
from fapiao.wire import Account, CollectionJob, Request, Secret, SliceQuery, Stamp, Token
from fapiao_ekuaibao import plugin
from fapiao_ekuaibao.types import DOC_TYPES, STATES


@pytest.fixture
def manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(InvoiceSource)
    manager.register(plugin, name="ekuaibao")
    manager.check_pending()
    return manager


@pytest.fixture
def flows(account: Account, job: CollectionJob, query: SliceQuery) -> Any:
    """Every flow of the plugin, made afresh."""
    return lambda: [
        plugin.authorize(account),
        plugin.start_collection(account, job),
        plugin.collection_status(account, job),
        plugin.read_page(account, query, None),
        plugin.read_page(account, query, "2/100"),
    ]


def test_pluggy_calls_every_hook_with_every_argument(
    manager: pluggy.PluginManager, account: Account, job: CollectionJob, query: SliceQuery, context: Any, respond: Any
) -> None:
    request = Request(method="POST", path="/api/openapi/v2/invoice/v2/getInvoiceCollectionData", json={})
    hook = manager.hook
    assert hook.describe().name == "ekuaibao"
    token = Token(value=Secret("t"))
    stamp = Stamp(epoch_ms=0, nonce="0" * 32)
    assert hook.sign(request=request, account=account, token=token, stamp=stamp, body=b"").query
    assert hook.classify(request=request, response=respond({"value": {"code": "2000"}})).error is None
    assert hook.normalize(raw={"fphm": "1"}, context=context("81")).doc_type == "digital_special"
    assert inspect.isgenerator(hook.authorize(account=account))
    assert inspect.isgenerator(hook.start_collection(account=account, job=job))
    assert inspect.isgenerator(hook.collection_status(account=account, job=job))
    assert inspect.isgenerator(hook.read_page(account=account, query=query, cursor=None))


def test_flows_are_generators_and_the_rest_is_not(manager: pluggy.PluginManager) -> None:
    for caller in vars(manager.hook).values():
        for implementation in caller.get_hookimpls():
            assert inspect.isgeneratorfunction(implementation.function) == (caller.name in FLOW_HOOKS)
            assert implementation.kwargnames == ()


def test_no_hook_of_its_capabilities_is_missing(manager: pluggy.PluginManager) -> None:
    for needed in ("", *plugin.describe().capabilities):
        for hook in REQUIRED_HOOKS[needed]:
            assert getattr(manager.hook, hook).get_hookimpls(), hook


def test_the_registry_takes_it_and_calls_normalize_directly() -> None:
    source = Source.of(plugin)
    assert source.name == "ekuaibao"
    assert source.normalizer() == plugin.normalize


def test_it_describes_itself_the_same_way_every_time() -> None:
    assert plugin.describe() is plugin.describe()


def test_it_offers_twenty_types_in_both_directions() -> None:
    slices = plugin.describe().slices()
    assert len(slices) == len(set(slices)) == 40
    assert len(plugin.describe().types) == 20


def test_only_the_password_is_secret_and_only_needed_fields_are_required() -> None:
    fields = {field.name: field for field in plugin.describe().fields}
    assert [name for name, field in fields.items() if field.kind == "secret"] == ["password"]
    assert [name for name, field in fields.items() if field.required] == ["login", "password", "corp_id"]
    assert (fields["host"].default, fields["page_size"].default) == ("https://app.ekuaibao.com", 100)
    assert all(field.help.endswith(".") for field in fields.values())


def test_the_quota_of_each_path_is_declared() -> None:
    quotas = {quota.path.rsplit("/", 1)[1]: quota.requests_per_second for quota in plugin.describe().quotas}
    assert quotas == {"applyInvoiceCollectionTask": 1.0, "getInvoiceCollectionData": 5.0}
    assert plugin.describe().max_concurrency == 8


def test_every_canonical_code_it_uses_exists() -> None:
    assert set(DOC_TYPES.values()) <= set(CANONICAL)
    assert set(STATES.values()) <= set(CANONICAL_STATES)


def test_the_code_tables_of_the_documentation_are_whole() -> None:
    codes = plugin.describe().codes
    assert {name: len(table) for name, table in codes.items()} == {
        "fplx": 20,
        "jxxbz": 2,
        "code": 20,
        "status": 6,
        "fpztDm": 5,
        "tdywlx": 20,
    }


def test_every_request_stays_on_the_documented_paths_and_carries_no_secret_in_the_open(flows: Any) -> None:
    for flow in flows():
        request = next(flow)
        assert request.path.startswith("/api/openapi/")
        assert request.query == request.headers == request.form == ()
        assert "test-app-security" not in repr(request)


def test_the_same_flow_asks_the_same_twice(flows: Any) -> None:
    assert [next(flow) for flow in flows()] == [next(flow) for flow in flows()]


def test_a_flow_closes_at_its_request_without_another_word(flows: Any) -> None:
    for flow in flows():
        next(flow)
        flow.close()


def test_an_error_thrown_at_a_request_comes_out_unchanged(flows: Any) -> None:
    for flow in flows():
        next(flow)
        error: FapiaoError = VendorUnreachable("no answer")
        with pytest.raises(VendorUnreachable) as caught:
            flow.throw(error)
        assert caught.value is error


def test_importing_it_loads_no_transport_and_no_host() -> None:
    program = (
        "import sys, fapiao_ekuaibao; "
        "print(*sorted({'requests', 'httpx', 'airflow', 'sqlalchemy', 'asyncio', 'ssl', 'http.client'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=_environment()
    )
    assert found.stdout.split() == []


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(path for path in sys.path if path), "PATH": ""}
