"""Finds vendor plugins without importing them, and builds one typed :class:`Source` each when first asked for.

Every vendor gets a plugin manager of its own: no hook has to ask whether it is meant, a broken plugin touches no other,
and only the wanted one is imported. What failed is kept with its reason and shown by ``fapiao sources``.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec
import pluggy

from fapiao.connection import Connection
from fapiao.deprecations import Deprecation, warn
from fapiao.errors import FapiaoError, PluginError, SourceUnavailable
from fapiao.importing import PATIENCE, Failed, Import, NotBack
from fapiao.invoices.model import Invoice, NormalizeContext, Rejected
from fapiao.invoices.personal_data import RAW_KINDS
from fapiao.settings import COMMON_FIELDS, read_settings
from fapiao.spec import DEPRECATIONS, PROJECT, REQUIRED_HOOKS, SPEC_VERSION, Descriptor, InvoiceSource
from fapiao.wire import (
    Account,
    Claim,
    CollectionJob,
    CollectionStatus,
    Flow,
    LayoutFiles,
    LayoutTask,
    Page,
    Pending,
    Request,
    Response,
    Signed,
    SliceQuery,
    Stamp,
    SyncQuery,
    Token,
    Verdict,
    Verification,
)

__all__ = ["GROUP", "PluginProblem", "Registry", "Source", "registry"]

GROUP = "fapiao.sources"
LISTED = 10.0
"""Seconds for which a list of all sources waits for one of them."""
_NAME = re.compile(r"[a-z][a-z0-9]*")


class PluginProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a plugin cannot be used."""

    name: str
    distribution: str
    version: str
    stage: str
    """``import``, ``register``, ``hooks``, ``describe`` or ``duplicate``."""
    reason: str


class Source:
    """One vendor plugin behind typed methods, one for each hook of :class:`fapiao.spec.InvoiceSource`.

    :raises PluginError: from the constructor, when the plugin does not keep the contract; from a method, when the
        plugin's code raises something that is not of fapiao's own tree.
    """

    def __init__(
        self,
        name: str,
        plugin: object,
        *,
        specification: type[InvoiceSource] = InvoiceSource,
        deprecations: Iterable[Deprecation] = DEPRECATIONS,
    ) -> None:
        """:param specification: a later one, for tests of how it evolves."""
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(specification)
        try:
            manager.register(plugin, name=name)
            manager.check_pending()
        except pluggy.PluginValidationError as problem:
            raise PluginError(f"The plugin does not fit the specification: {problem}", source=name) from problem
        self.name = name
        self._hook = manager.hook
        warn(name, manager.hook, deprecations)
        self.descriptor = self._described(name)
        self._require_hooks()

    @classmethod
    def of(cls, plugin: object) -> Source:
        """A source around a plugin object that is not installed (tests, the author's kit)."""
        describe = getattr(plugin, "describe", None)
        if describe is None:
            raise PluginError(f"{plugin!r} has no describe().")
        return cls(describe().name, plugin)

    def has(self, hook: str) -> bool:
        """Whether the plugin implements the hook."""
        return bool(getattr(self._hook, hook).get_hookimpls())

    def account(self, connection: Connection) -> Account:
        """The vendor account behind a connection, its settings validated and defaults filled in.

        :raises ConfigurationError: everything that is missing or of the wrong kind, in one sentence.
        """
        settings = read_settings(self.descriptor, connection)
        field = next(field for field in self.descriptor.fields if field.name == self.descriptor.account_field)
        name = connection.login if field.place == "login" else str(settings[field.name])
        return Account(
            source=self.name,
            name=name,
            base_url=connection.base_url(self.descriptor.default_host),
            login=connection.login,
            secret=connection.password,
            settings=settings,
            file_hosts=tuple(filter(None, re.split(r"[,;\s]+", str(settings.get("allowed_file_hosts") or "")))),
        )

    def console_url(self, account: Account) -> str:
        """Where people look at the account's jobs; empty where nothing is known."""
        own = account.settings.get("console_url")
        return str(own) if own else self.descriptor.console_url.replace("{host}", account.base_url)

    def authorize(self, account: Account) -> Flow[Token]:
        flow: Flow[Token] = self._call("authorize", account=account)
        return flow

    def sign(self, request: Request, account: Account, token: Token | None, stamp: Stamp, body: bytes) -> Signed:
        if not self.has("sign"):
            return Signed()
        signed: Signed = self._call("sign", request=request, account=account, token=token, stamp=stamp, body=body)
        return signed

    def classify(self, request: Request, response: Response) -> Verdict:
        verdict: Verdict = self._call("classify", request=request, response=response)
        return verdict

    def start_collection(self, account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
        flow: Flow[CollectionStatus | Pending] = self._call("start_collection", account=account, job=job)
        return flow

    def collection_status(self, account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
        flow: Flow[CollectionStatus | Pending] = self._call("collection_status", account=account, job=job)
        return flow

    def sync_query(self, account: Account, wish: SyncQuery) -> SyncQuery:
        query: SyncQuery = self._call("sync_query", account=account, wish=wish)
        return query

    def read_page(self, account: Account, query: SliceQuery | SyncQuery, cursor: str | None) -> Flow[Page | Pending]:
        flow: Flow[Page | Pending] = self._call("read_page", account=account, query=query, cursor=cursor)
        return flow

    def verify(self, account: Account, claim: Claim) -> Flow[Verification | Pending]:
        flow: Flow[Verification | Pending] = self._call("verify", account=account, claim=claim)
        return flow

    def layout_files(self, account: Account, task: LayoutTask) -> Flow[LayoutFiles | Pending]:
        flow: Flow[LayoutFiles | Pending] = self._call("layout_files", account=account, task=task)
        return flow

    def normalize(self, raw: Any, context: NormalizeContext) -> Invoice | Rejected:
        result: Invoice | Rejected = self._call("normalize", raw=raw, context=context)
        return result

    def normalizer(self) -> Any:
        """The bare ``normalize`` callable: for loops over records, where pluggy's dispatch would cost a tenth of the work."""
        implementations = self._hook.normalize.get_hookimpls()
        if len(implementations) != 1:
            return self.normalize
        implementation = implementations[0]
        if implementation.argnames == ("raw", "context"):
            return implementation.function
        return self.normalize

    def _call(self, hook: str, **arguments: Any) -> Any:
        try:
            return getattr(self._hook, hook)(**arguments)
        except Exception as problem:
            # Plugin code ran: name the plugin and the hook, whatever it raised.
            if isinstance(problem, FapiaoError):
                raise problem.within(source=self.name) from problem.__cause__
            raise PluginError(f"The hook {hook} raised {type(problem).__name__}.", source=self.name) from problem

    def _described(self, name: str) -> Descriptor:
        if not self._hook.describe.get_hookimpls():
            raise PluginError("The plugin has no describe() hook.", source=name)
        descriptor = self._call("describe")
        if not isinstance(descriptor, Descriptor):
            raise PluginError(f"describe() returned {type(descriptor).__name__}, not a Descriptor.", source=name)
        try:
            # Structs do not check types when they are built, so a careless plugin may hold anything.
            descriptor = msgspec.convert(msgspec.to_builtins(descriptor), Descriptor)
        except (msgspec.ValidationError, TypeError) as problem:
            raise PluginError(f"describe() is wrong: {problem}.", source=name) from problem
        for complaint in _complaints(name, descriptor):
            raise PluginError(f"describe() is wrong: {complaint}.", source=name)
        return descriptor

    def _require_hooks(self) -> None:
        wanted = [*REQUIRED_HOOKS[""]]
        for capability in sorted(self.descriptor.capabilities):
            wanted += REQUIRED_HOOKS[capability]
        missing = [hook for hook in wanted if not self.has(hook)]
        if missing:
            raise PluginError(
                f"The plugin lacks the hooks {', '.join(missing)} that its capabilities need.", source=self.name
            )


def _complaints(name: str, descriptor: Descriptor) -> Iterable[str]:
    major = str(descriptor.spec).split(".")[0]
    if not (major.isascii() and major.isdigit()):
        yield f"its specification is {descriptor.spec!r} instead of a version such as {SPEC_VERSION!r}"
    elif major != SPEC_VERSION:
        older, newer = ("the plugin", "fapiao") if int(major) < int(SPEC_VERSION) else ("fapiao", "the plugin")
        yield f"it is written for specification {descriptor.spec}, this is {SPEC_VERSION}: upgrade {older}, not {newer}"
    if descriptor.name != name:
        yield f"it names itself {descriptor.name!r}, its entry point says {name!r}"
    if not _NAME.fullmatch(descriptor.name):
        yield f"the name {descriptor.name!r} is not made of lower-case letters and digits"
    unknown = sorted(set(descriptor.capabilities) - set(REQUIRED_HOOKS))
    if unknown:
        yield f"unknown capabilities {', '.join(unknown)} (known: {', '.join(sorted(filter(None, REQUIRED_HOOKS)))})"
    names = [field.name for field in descriptor.fields]
    if len(set(names)) != len(names):
        yield "two fields have the same name"
    reserved = sorted(set(names) & {field.name for field in COMMON_FIELDS})
    if reserved:
        yield f"the fields {', '.join(reserved)} are every connection's own and must not be declared again"
    account = next((field for field in descriptor.fields if field.name == descriptor.account_field), None)
    if account is None or account.kind == "secret":
        yield f"account_field {descriptor.account_field!r} is not one of its open fields"
    for field in descriptor.fields:
        if field.kind not in ("text", "secret", "integer", "number", "boolean"):
            yield f"the field {field.name} has the unknown kind {field.kind!r}"
        if field.place not in ("host", "login", "password", "extra"):
            yield f"the field {field.name} has the unknown place {field.place!r}"
        if field.kind == "secret" and field.place != "password":
            yield f"the secret field {field.name} must be kept in the password"
    yield from _wrong_addresses(descriptor)
    strange = sorted({kind for kind in (descriptor.personal or {}).values() if kind not in RAW_KINDS})
    if strange:
        yield f"personal names unknown kinds {', '.join(strange)} (known: {', '.join(sorted(RAW_KINDS))})"
    if descriptor.max_concurrency < 1:
        yield "max_concurrency is below 1"


def _wrong_addresses(descriptor: Descriptor) -> Iterable[str]:
    if not descriptor.default_host.startswith("https://"):
        yield "default_host is not an https address"
    if descriptor.console_url and not descriptor.console_url.startswith(("https://", "{host}")):
        yield "console_url is not an https address and does not begin with {host}"


class Registry:
    """The installed sources. Listing reads entry-point metadata only; nothing is imported before :meth:`get`."""

    def __init__(
        self,
        points: Iterable[EntryPoint] | None = None,
        disabled: Iterable[str] | None = None,
        patience: float = PATIENCE,
    ) -> None:
        """:param patience: seconds that a plugin may take to be imported and to describe itself."""
        self._given = None if points is None else list(points)
        self._disabled = None if disabled is None else frozenset(disabled)
        self._patience = patience
        self._sources: dict[str, Source] = {}
        self._imports: dict[str, Import[Source]] = {}
        self._problems: dict[str, PluginProblem] = {}
        self._causes: dict[str, BaseException] = {}
        self._lock = threading.RLock()

    def names(self) -> list[str]:
        """Names of all installed sources, good and broken, without importing any."""
        return sorted({point.name for point in self._points()})

    def get(self, name: str) -> Source:
        """The source of that name, loaded on first use.

        A plugin that does not come back in time is waited for once only. It can be used as soon as it does.

        :raises SourceUnavailable: not installed, disabled, broken or too slow; the sentence says which and why.
        """
        return self._get(name, self._patience)

    def _get(self, name: str, patience: float) -> Source:
        with self._lock:
            if name in self._sources:
                return self._sources[name]
            if name in self._problems and name not in self._imports:
                raise self._unavailable(name)
            points = [point for point in self._points() if point.name == name]
            if not points:
                raise SourceUnavailable(
                    f"There is no source named {name!r}; installed are: {', '.join(self.names()) or 'none'}.",
                    source=name,
                    advice="Install the vendor's plugin, or correct the name.",
                )
            if len({point.value for point in points}) > 1:
                owners = " and ".join(sorted(f"{_owner(point)[0]} {_owner(point)[1]}" for point in points))
                self._fail(points[0], "duplicate", f"two distributions claim the name: {owners}; uninstall one", None)
                raise self._unavailable(name)
            under_way = self._imports.get(name)
            if under_way is None:
                under_way = self._imports[name] = self._begin(points[0])
        # Nothing is locked meanwhile: who wants another vendor does not wait for this one.
        return self._finish(points[0], under_way, patience)

    def problems(self) -> Mapping[str, PluginProblem]:
        """The broken ones among those loaded so far."""
        return dict(self._problems)

    def load_all(self) -> dict[str, Source | PluginProblem]:
        """Every installed source, or the reason why it cannot be used. Never raises for a broken plugin.

        For a list nobody waits as long as for the one that is wanted: a plugin gets :data:`LISTED` seconds.
        """
        found: dict[str, Source | PluginProblem] = {}
        for name in self.names():
            try:
                found[name] = self._get(name, min(LISTED, self._patience))
            except SourceUnavailable:
                found[name] = self._problems[name]
        return found

    def distribution(self, name: str) -> tuple[str, str]:
        """Name and version of the distribution that brings the source."""
        for point in self._points():
            if point.name == name:
                return _owner(point)
        return "", ""

    def _points(self) -> list[EntryPoint]:
        disabled = self._disabled
        if disabled is None:
            disabled = frozenset(filter(None, re.split(r"[,\s]+", os.environ.get("FAPIAO_DISABLE", ""))))
        points = self._given if self._given is not None else list(entry_points(group=GROUP))
        return [point for point in points if point.name not in disabled]

    def _begin(self, point: EntryPoint) -> Import[Source]:
        def load(under_way: Import[Source]) -> Source:
            plugin = point.load()
            under_way.stage = "register"
            return Source(point.name, plugin)

        return Import(load, f"fapiao-import-{point.name}")

    def _finish(self, point: EntryPoint, under_way: Import[Source], patience: float) -> Source:
        try:
            source = under_way.result(patience)
        except NotBack as late:
            with self._lock:
                self._fail(point, under_way.stage, str(late), None)
                raise self._unavailable(point.name) from None
        except Failed as failed:
            # Whatever a plugin does at import or in describe() must not reach its neighbours: kept with its reason.
            with self._lock:
                self._fail(point, under_way.stage, str(failed), failed.problem)
                self._imports.pop(point.name, None)
                raise self._unavailable(point.name) from failed.problem
        with self._lock:
            self._problems.pop(point.name, None)
            self._imports.pop(point.name, None)
            return self._sources.setdefault(point.name, source)

    def _fail(self, point: EntryPoint, stage: str, reason: str, cause: BaseException | None) -> None:
        distribution, version = _owner(point)
        self._problems[point.name] = PluginProblem(
            name=point.name, distribution=distribution, version=version, stage=stage, reason=reason
        )
        if cause is not None:
            self._causes[point.name] = cause

    def _unavailable(self, name: str) -> SourceUnavailable:
        problem = self._problems[name]
        error = SourceUnavailable(
            f"The source plugin {name} of {problem.distribution} {problem.version} cannot be used "
            f"({problem.stage}): {problem.reason}",
            source=name,
        )
        error.__cause__ = self._causes.get(name)
        return error


def _owner(point: EntryPoint) -> tuple[str, str]:
    distribution = getattr(point, "dist", None)
    return (distribution.name, distribution.version) if distribution is not None else ("(not installed)", "")


registry = Registry()
"""The registry of this process."""
