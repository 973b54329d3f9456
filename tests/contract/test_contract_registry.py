"""The registry: lazy, one manager per vendor, and a broken plugin hurts only itself."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fapiao import hookimpl
from fapiao.connection import Connection
from fapiao.errors import ConfigurationError, PluginError, SourceUnavailable
from fapiao.registry import PluginProblem, Registry, Source
from fapiao.spec import Capability, Descriptor, Field
from fapiao.wire import OK, Flow, Page, Request, Response, Secret, Verdict

DESCRIPTOR = Descriptor(
    name="demo",
    title="Demo",
    spec="1",
    capabilities=frozenset(),
    fields=(
        Field(name="key", title="Key", place="login", required=True),
        Field(name="password", title="Secret", kind="secret", place="password", required=True),
        Field(name="corp_id", title="Corporation", required=True),
        Field(name="page_size", title="Page size", kind="integer", default=100),
    ),
    account_field="corp_id",
    default_host="https://demo.example",
)


class Demo:
    descriptor = DESCRIPTOR

    @hookimpl
    def describe(self) -> Descriptor:
        return self.descriptor

    @hookimpl
    def classify(self) -> Verdict:  # fewer arguments than the specification: the way contracts evolve
        return OK


def described(**changes: Any) -> Demo:
    plugin = Demo()
    plugin.descriptor = msgspec.structs.replace(DESCRIPTOR, **changes)
    return plugin


def test_a_hook_may_take_fewer_arguments_than_the_specification() -> None:
    source = Source.of(Demo())
    answer = Response(status=200, headers={}, body=b"{}")
    assert source.classify(Request(method="GET", path="/"), answer) is OK


def test_a_plain_generator_hook_stays_a_generator() -> None:
    class Collecting(Demo):
        @hookimpl
        def read_page(self, cursor: str | None) -> Flow[Page]:
            yield Request(method="GET", path=f"/{cursor}")
            return Page(records=[])

    source = Source.of(Collecting())
    flow = source.read_page(None, None, "7")  # type: ignore[arg-type]  # this plugin looks at the cursor only
    assert next(flow).path == "/7"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Demo"}, "lower-case"),
        ({"name": "de_mo"}, "lower-case"),
        ({"spec": "2"}, "upgrade fapiao"),
        ({"spec": "0"}, "upgrade the plugin"),
        ({"capabilities": frozenset({"fly"})}, "unknown capabilities fly"),
        ({"capabilities": frozenset({Capability.COLLECT})}, "lacks the hooks start_collection"),
        ({"account_field": "password"}, "account_field"),
        ({"account_field": "nothing"}, "account_field"),
        ({"default_host": "http://demo.example"}, "https"),
        ({"console_url": "javascript:alert(1)"}, "console_url"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"fields": (*DESCRIPTOR.fields, Field(name="timeout", title="T"))}, "timeout"),
        ({"fields": (*DESCRIPTOR.fields, Field(name="token", title="T", kind="secret"))}, "token"),
        ({"fields": (*DESCRIPTOR.fields, Field(name="z", title="Z", kind="colour"))}, "colour"),
    ],
)
def test_a_lying_descriptor_is_refused_by_name(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(PluginError) as caught:
        Source.of(described(**changes))
    assert said in str(caught.value)


def test_a_misspelt_hook_is_refused() -> None:
    class Misspelt(Demo):
        @hookimpl
        def read_pages(self) -> None:
            """Not a hook."""

    with pytest.raises(PluginError, match="read_pages"):
        Source.of(Misspelt())


def test_an_exception_of_the_plugin_names_plugin_and_hook() -> None:
    class Raising(Demo):
        @hookimpl
        def classify(self) -> Verdict:
            raise KeyError("code")

    with pytest.raises(PluginError, match="hook classify raised KeyError") as caught:
        Source.of(Raising()).classify(Request(method="GET", path="/"), Response(status=200, headers={}, body=b""))
    assert caught.value.source == "demo"


def connection(**changes: Any) -> Connection:
    given: dict[str, Any] = {
        "conn_id": "demo_default",
        "login": "key",
        "password": Secret("secret-value"),
        "extra": {"corp_id": "c1"},
    }
    return Connection(**(given | changes))


def test_an_account_has_typed_settings_with_defaults() -> None:
    account = Source.of(Demo()).account(connection(extra={"corp_id": "c1", "page_size": "50", "verify_tls": "no"}))
    assert account.name == "c1"
    assert account.base_url == "https://demo.example"
    assert account.settings["page_size"] == 50
    assert account.settings["verify_tls"] is False
    assert account.settings["timeout"] == 60.0


def test_everything_wrong_with_a_connection_is_said_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Source.of(Demo()).account(connection(login="", extra={"page_size": "many", "colour": 1, "max_concurrency": 0}))
    text = str(caught.value)
    for part in (
        "demo_default",
        "login (Key) is missing",
        "corp_id",
        "page_size must be a whole number",
        "'colour'",
        "at least 1",
    ):
        assert part in text
    assert "secret-value" not in text


@pytest.mark.parametrize(
    ("declared", "own", "address"),
    [
        ("", "", ""),
        ("{host}/jobs", "", "https://demo.example/jobs"),
        ("https://console.demo.example", "", "https://console.demo.example"),
        ("{host}", "https://reseller.example/fp?tab=1", "https://reseller.example/fp?tab=1"),
    ],
)
def test_the_console_is_the_vendors_unless_the_connection_names_another(declared: str, own: str, address: str) -> None:
    source = Source.of(described(console_url=declared))
    account = source.account(connection(extra={"corp_id": "c1", "console_url": own}))
    assert source.console_url(account) == address


@pytest.mark.parametrize("own", ["javascript:alert(1)", "https://user:word@reseller.example", "reseller.example"])
def test_a_console_that_is_no_plain_web_address_is_refused(own: str) -> None:
    with pytest.raises(ConfigurationError, match="console_url must be a web address"):
        Source.of(Demo()).account(connection(extra={"corp_id": "c1", "console_url": own}))


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("vendor_"):
            del sys.modules[name]


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group="fapiao.sources")


def test_listing_imports_nothing(modules: Path) -> None:
    (modules / "vendor_slow.py").write_text("raise SystemExit('imported')")
    assert Registry([point("slow", "vendor_slow:plugin")]).names() == ["slow"]
    assert "vendor_slow" not in sys.modules


def test_a_broken_plugin_is_kept_with_its_reason_and_the_others_work(modules: Path) -> None:
    (modules / "vendor_broken.py").write_text("import no_such_module_at_all")
    (modules / "vendor_good.py").write_text(
        "from importlib.util import module_from_spec, spec_from_file_location\n"
        f"spec = spec_from_file_location('vendor_parts', {__file__!r})\n"
        "parts = module_from_spec(spec); spec.loader.exec_module(parts)\n"
        "plugin = parts.Demo()\n"
    )
    registry = Registry([point("broken", "vendor_broken:plugin"), point("demo", "vendor_good:plugin")])
    found = registry.load_all()
    assert isinstance(found["demo"], Source)
    problem = found["broken"]
    assert isinstance(problem, PluginProblem)
    assert problem.stage == "import"
    assert "no_such_module_at_all" in problem.reason
    with pytest.raises(SourceUnavailable, match="no_such_module_at_all") as caught:
        registry.get("broken")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


GOOD = f"""
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location('vendor_parts', {__file__!r})
parts = module_from_spec(spec); spec.loader.exec_module(parts)
plugin = parts.Demo()
"""


def test_a_plugin_that_never_comes_back_is_named_and_delays_nobody_twice(modules: Path) -> None:
    (modules / "vendor_hanging.py").write_text("import threading; threading.Event().wait()")
    (modules / "vendor_good.py").write_text(GOOD)
    points = [point("hanging", "vendor_hanging:plugin"), point("demo", "vendor_good:plugin")]
    registry = Registry(points, patience=0.2)
    found = registry.load_all()
    assert isinstance(found["demo"], Source)
    assert isinstance(problem := found["hanging"], PluginProblem)
    assert (problem.stage, problem.reason) == ("import", "it did not come back within 0.2 seconds")
    with pytest.raises(SourceUnavailable, match="did not come back"):
        registry.get("hanging")
    assert len([thread for thread in threading.enumerate() if thread.name == "fapiao-import-hanging"]) == 1


def test_while_one_plugin_is_waited_for_another_can_be_used(modules: Path) -> None:
    (modules / "vendor_slow.py").write_text("import vendor_gate; vendor_gate.GATE.wait()\n" + GOOD)
    (modules / "vendor_gate.py").write_text("import threading; GATE = threading.Event()")
    (modules / "vendor_good.py").write_text(GOOD.replace("parts.Demo()", "parts.described(name='good')"))
    registry = Registry([point("demo", "vendor_slow:plugin"), point("good", "vendor_good:plugin")])
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(registry.get, "demo")
        assert registry.get("good").name == "good"
        assert not waiting.done()
        import_module("vendor_gate").GATE.set()
        assert waiting.result().name == "demo"


def test_a_plugin_that_comes_back_late_can_be_used_then(modules: Path) -> None:
    (modules / "vendor_late.py").write_text("import vendor_gate; vendor_gate.GATE.wait()\n" + GOOD)
    (modules / "vendor_gate.py").write_text("import threading; GATE = threading.Event()")
    registry = Registry([point("demo", "vendor_late:plugin")], patience=0.1)
    with pytest.raises(SourceUnavailable, match="did not come back"):
        registry.get("demo")
    import_module("vendor_gate").GATE.set()
    [thread] = [thread for thread in threading.enumerate() if thread.name == "fapiao-import-demo"]
    thread.join()
    assert registry.get("demo").name == "demo"
    assert registry.problems() == {}


def test_a_plugin_that_ends_the_program_ends_its_own_import_only(modules: Path) -> None:
    (modules / "vendor_ending.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(SourceUnavailable, match="KeyboardInterrupt"):
        Registry([point("ending", "vendor_ending:plugin")]).get("ending")


def test_two_distributions_with_one_name_are_both_named() -> None:
    registry = Registry([point("demo", "vendor_a:plugin"), point("demo", "vendor_b:plugin")])
    with pytest.raises(SourceUnavailable, match="two distributions claim the name"):
        registry.get("demo")


def test_an_unknown_name_lists_the_installed_ones() -> None:
    with pytest.raises(SourceUnavailable, match="installed are: demo"):
        Registry([point("demo", "vendor_a:plugin")]).get("dmeo")


def test_a_disabled_source_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAPIAO_DISABLE", "demo, other")
    assert Registry([point("demo", "vendor_a:plugin"), point("third", "vendor_b:plugin")]).names() == ["third"]
