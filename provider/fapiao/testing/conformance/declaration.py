"""Group A: packaging and declaration."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Any

import msgspec
import pluggy

from fapiao.errors import FapiaoError, PluginError
from fapiao.registry import GROUP, Source
from fapiao.spec import FLOW_HOOKS, PROJECT, SPEC_VERSION, Descriptor, InvoiceSource
from fapiao.testing.conformance.check import Breach, Check
from fapiao.testing.conformance.kit import Kit
from fapiao.testing.conformance.tour import tour_of

__all__ = ["CHECKS"]

_UNWANTED = (
    "aiohttp", "airflow", "asyncio", "fapiao.engine", "fapiao.store", "http.client", "httpx", "requests", "sqlalchemy", "urllib3",
)  # fmt: skip
_SECRET_WORDS = re.compile(r"secret|passw|security|private|token|credential", re.IGNORECASE)
_NAME = re.compile(r"[a-z][a-z0-9]*\Z")
_PLACES = ("host", "login", "password", "extra")
_KINDS = ("text", "secret", "integer", "number", "boolean")


def entry_point(kit: Kit) -> Iterator[Breach]:
    named = [point for point in entry_points(group=GROUP) if point.value == kit.plugin]
    if not named:
        yield Breach(
            "describe",
            f"no installed distribution has an entry point of the group {GROUP} with the value {kit.plugin!r}",
            f'add [project.entry-points."{GROUP}"] to pyproject.toml and install the distribution (pip install -e .)',
        )
    for point in named:
        if point.name != kit.name:
            yield Breach(
                "describe",
                f"the entry point is called {point.name!r}, describe() says {kit.name!r}",
                "give both the same name: it becomes the connection type",
            )


def light_import(kit: Kit) -> Iterator[Breach]:
    module = kit.plugin.partition(":")[0]
    program = f"import sys, {module}; print(*sorted({set(_UNWANTED)!r} & set(sys.modules)))"
    finished = subprocess.run(  # noqa: S603 - this interpreter, with the plugin the author names
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    if finished.returncode:
        last = (finished.stderr.strip().splitlines() or ["no word"])[-1]
        yield Breach(
            "describe",
            f"a fresh process cannot import {module} with warnings as errors: {last}",
            "make the module importable by itself",
        )
    elif finished.stdout.split():
        yield Breach(
            "describe",
            f"importing {module} in a fresh process loads {', '.join(finished.stdout.split())}",
            "import only fapiao, fapiao.spec, fapiao.wire, fapiao.errors and fapiao.invoices; the driver has the rest",
        )


def hooks_fit(kit: Kit) -> Iterator[Breach]:
    plugin = kit.load()
    if isinstance(plugin, type):
        yield Breach("describe", f"{kit.plugin} is the class {plugin.__name__}", "name an instance of it")
        return
    try:
        Source(plugin.describe().name, plugin)
    except PluginError as error:
        found = re.search(r"hooks? '?(\w+)'?", error.what)
        named = found.group(1) if found else "describe"
        yield Breach(
            named,
            error.what,
            "spell the hook as fapiao.spec does, mark it with @hookimpl, and implement every hook that the declared "
            "capabilities demand (fapiao.spec.REQUIRED_HOOKS)",
        )


def parameters(kit: Kit) -> Iterator[Breach]:
    for hook, function in _implementations(kit):
        for parameter in inspect.signature(function).parameters.values():
            if parameter.default is not inspect.Parameter.empty or parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                what = "is keyword-only" if parameter.kind is inspect.Parameter.KEYWORD_ONLY else "has a default"
                yield Breach(
                    hook,
                    f"the parameter {parameter.name!r} {what}: pluggy never fills it",
                    "make it an ordinary parameter without a default, or leave it out",
                )


def generators(kit: Kit) -> Iterator[Breach]:
    for hook, function in _implementations(kit):
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            yield Breach(hook, "it is async", "write a plain generator (flows) or a plain function; the drivers wait")
        elif (hook in FLOW_HOOKS) != inspect.isgeneratorfunction(function):
            seen = "it is no generator function" if hook in FLOW_HOOKS else "it is a generator function"
            yield Breach(
                hook,
                seen,
                "a flow has 'yield' (or 'return (yield from …)') in the hook itself; every other hook has none",
            )


def described(kit: Kit) -> Iterator[Breach]:
    plugin = kit.load()
    descriptor = plugin.describe()
    if not isinstance(descriptor, Descriptor):
        yield Breach("describe", f"it returns {type(descriptor).__name__}", "return a fapiao.spec.Descriptor")
        return
    if msgspec.to_builtins(plugin.describe(), enc_hook=repr) != msgspec.to_builtins(descriptor, enc_hook=repr):
        yield Breach("describe", "two calls give different descriptors", "return one constant")
    if descriptor.spec != SPEC_VERSION:
        yield Breach(
            "describe",
            f"spec is {descriptor.spec!r}; this fapiao has {SPEC_VERSION!r}",
            "write the plugin for this major version and say so",
        )
    if not _NAME.match(descriptor.name):
        yield Breach("describe", f"the name {descriptor.name!r}", "use lower-case letters and digits only")
    names = [field.name for field in descriptor.fields]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Breach("describe", f"two fields are called {name!r}", "give each a name of its own")
    for field in descriptor.fields:
        if field.kind not in _KINDS or field.place not in _PLACES or not field.title or not field.help:
            yield Breach(
                "describe",
                f"the field {field.name!r} has kind {field.kind!r}, place {field.place!r}, title {field.title!r}, help {field.help!r}",
                f"use one of {', '.join(_KINDS)} and of {', '.join(_PLACES)}, and give it a title and a help",
            )
    account = next((field for field in descriptor.fields if field.name == descriptor.account_field), None)
    if account is None or account.kind == "secret":
        yield Breach(
            "describe",
            f"account_field {descriptor.account_field!r} is no field, or a secret one",
            "name the open field that identifies the account at the vendor",
        )


def secrets_marked(kit: Kit) -> Iterator[Breach]:
    for field in kit.descriptor.fields:
        looks = _SECRET_WORDS.search(f"{field.name} {field.title}") or field.place == "password"
        if looks and field.kind not in ("secret", "boolean"):
            yield Breach(
                "describe",
                f"the field {field.name!r} ({field.title}) looks like a secret and has the kind {field.kind!r}",
                'give it kind="secret", or another name',
            )
        if field.kind == "secret" and field.default:
            yield Breach("describe", f"the secret {field.name!r} has a default", "leave it empty")


def addresses(kit: Kit) -> Iterator[Breach]:
    host = kit.descriptor.default_host
    if not host.startswith("https://") or host.endswith("/"):
        yield Breach("describe", f"default_host is {host!r}", "write https://host without a trailing slash")
        return
    if re.search(r"[@\s]|\{(?!host\})", kit.descriptor.console_url):
        told = f"console_url is {kit.descriptor.console_url!r}"
        yield Breach("describe", told, "write a plain https address; only {host} is replaced in it")
    for visit in tour_of(kit).visits:
        for request in visit.requests:
            if request.file_url is None and not re.match(r"/(?!/)[^?#\s]*\Z", request.path):
                yield Breach(
                    visit.hook,
                    f"a request has the path {request.path!r}",
                    "give the path only, from its first slash; host, query and token are added by the driver",
                )


def _implementations(kit: Kit) -> Iterator[tuple[str, Callable[..., Any]]]:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(InvoiceSource)
    try:
        manager.register(kit.load(), name="examined")
    except (pluggy.PluginValidationError, FapiaoError):
        return  # A3 says so
    for name, caller in sorted(vars(manager.hook).items()):
        for implementation in caller.get_hookimpls():
            yield name, implementation.function


CHECKS = (
    Check(
        id="A1", title="An installed entry point names the plugin, under the name it gives itself.", examine=entry_point
    ),
    Check(
        id="A2",
        title="A fresh process imports it alone, without HTTP library, database or Airflow.",
        examine=light_import,
    ),
    Check(id="A3", title="Its hooks fit the specification, and none that it needs is missing.", examine=hooks_fit),
    Check(id="A4", title="No hook parameter has a default or is keyword-only.", examine=parameters),
    Check(
        id="A5", title="Flows are generator functions, the other hooks are not, and none is async.", examine=generators
    ),
    Check(
        id="A6", title="describe() is complete and constant, for this version of the specification.", examine=described
    ),
    Check(id="A7", title="Every setting that looks like a secret is marked as one.", examine=secrets_marked),
    Check(id="A8", title="The default host is https, and every request stays on the vendor's host.", examine=addresses),
)
