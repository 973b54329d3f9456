"""How the specification may change under plugins that are out there."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fapiao import hookimpl
from fapiao.deprecations import Deprecation
from fapiao.errors import PluginError
from fapiao.events import InvoiceObserver
from fapiao.registry import Source, registry
from fapiao.spec import DEPRECATIONS, Descriptor, Field, InvoiceSource, hookspec
from fapiao.wire import OK, Request, Response, Verdict

ROOT = Path(__file__).parents[2]
DESCRIPTOR = Descriptor(
    name="demo",
    title="Demo",
    spec="1",
    capabilities=frozenset(),
    fields=(Field(name="key", title="Key", place="login", required=True),),
    account_field="key",
    default_host="https://demo.example",
)
REQUEST, ANSWER = Request(method="GET", path="/"), Response(status=200, headers={}, body=b"{}")


class Demo:
    """What a plugin of today looks like."""

    spec = "1"

    @hookimpl
    def describe(self) -> Descriptor:
        return msgspec.structs.replace(DESCRIPTOR, spec=self.spec)

    @hookimpl
    def classify(self, response: Response) -> Verdict:
        return OK


class Later(InvoiceSource):
    """A specification to come: one hook more, and one parameter more on a hook that everybody has."""

    @hookspec(firstresult=True)
    def price(self, pages: int) -> int:
        """What reading so many pages costs."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def classify(self, request: Request, response: Response, tries: int) -> Verdict:  # type: ignore[override]  # one parameter more
        """With the number of tries so far."""
        raise NotImplementedError


class OldHands(Demo):
    @hookimpl
    def price(self) -> int:
        return 1

    @hookimpl
    def classify(self, response: Response, tries: int) -> Verdict:  # type: ignore[override]  # one parameter more
        return OK


LEAVING = (
    Deprecation(hook="price", since="1.4", instead="Declare the price in the descriptor."),
    Deprecation(hook="classify", parameter="tries", since="1.5", instead="Judge the answer alone."),
)


def test_a_plugin_of_today_works_under_a_specification_with_more_hooks_and_parameters() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source = Source("demo", Demo(), specification=Later, deprecations=LEAVING)
    assert source._call("classify", request=REQUEST, response=ANSWER, tries=3) is OK
    assert not source.has("price")


def test_a_plugin_that_uses_what_is_deprecated_is_warned_by_name_with_what_to_do() -> None:
    with pytest.warns(DeprecationWarning, match="source plugin demo") as told:
        source = Source("demo", OldHands(), specification=Later, deprecations=LEAVING)
    assert [str(one.message) for one in told] == [
        f"The source plugin demo implements price, which is deprecated since fapiao 1.4. {LEAVING[0].instead}",
        f"The source plugin demo takes the parameter tries of classify, which is deprecated since fapiao 1.5. {LEAVING[1].instead}",
    ]
    assert source._call("classify", request=REQUEST, response=ANSWER, tries=3) is OK


@pytest.mark.parametrize("name", registry.names())
def test_the_vendors_use_nothing_that_is_deprecated(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Source(name, registry.get(name)._hook.describe.get_hookimpls()[0].plugin)


def test_what_is_deprecated_is_there() -> None:
    for part in DEPRECATIONS:
        specified = getattr(InvoiceSource, part.hook)
        assert not part.parameter or part.parameter in specified.__annotations__


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("2", "it is written for specification 2, this is 1: upgrade fapiao, not the plugin"),
        ("2.1", "it is written for specification 2.1, this is 1: upgrade fapiao, not the plugin"),
        ("10", "it is written for specification 10, this is 1: upgrade fapiao, not the plugin"),
        ("0", "it is written for specification 0, this is 1: upgrade the plugin, not fapiao"),
        ("", "its specification is '' instead of a version such as '1'"),
        ("one", "its specification is 'one' instead of a version such as '1'"),
    ],
)
def test_another_major_version_is_refused_with_what_to_upgrade(spec: str, said: str) -> None:
    plugin = Demo()
    plugin.spec = spec
    with pytest.raises(PluginError) as caught:
        Source("demo", plugin)
    assert said in str(caught.value)


def test_a_later_minor_version_is_accepted() -> None:
    plugin = Demo()
    plugin.spec = "1.7"
    assert Source("demo", plugin).descriptor.spec == "1.7"


def hooks_of(specification: type[Any]) -> list[str]:
    return [name for name in vars(specification) if not name.startswith("_")]


@pytest.mark.parametrize("hook", [*hooks_of(InvoiceSource), *hooks_of(InvoiceObserver)])
def test_every_hook_has_a_page_with_an_example_and_a_test(hook: str) -> None:
    page = (ROOT / "docs" / "hooks" / f"{hook}.md").read_text("utf-8")
    assert page.startswith(f"# `{hook}(")
    assert re.search(rf"```python\n(?:(?!```).)*    @hookimpl\n    def {hook}\(", page, re.DOTALL)
    assert f"](hooks/{hook}.md)" in (ROOT / "docs" / "hooks.md").read_text("utf-8")
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert re.search(rf"\.{hook}\(|def {hook}\(", tests)
