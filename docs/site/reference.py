"""Writes the reference from the code: what is declared there once is not written a second time."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import click

import fapiao.airflow
import fapiao.errors
from fapiao.airflow.compat import AIRFLOW_3
from fapiao.cli import cli
from fapiao.invoices import codes
from fapiao.invoices.rules import RULES
from fapiao.registry import registry
from fapiao.settings import COMMON_FIELDS
from fapiao.spec import Descriptor
from fapiao.store.tables.schema import metadata

__all__ = ["pages"]

_BASES = {"AccountTask", "CollectionTask"}
"""What operators have in common is described with each of them."""
_COLUMNS = {
    "account": "the vendor's own identity of the account",
    "answered_at": "UTC; when the vendor answered",
    "api": "which interface of the vendor",
    "changed_at": "UTC; the last change of the row",
    "closed_at": "UTC; when it came to its final state",
    "code": "the vendor's code",
    "collection_id": "the collection, see `fapiao_collection`",
    "deduction_id": "key of the row",
    "fetched_at": "UTC; when it was read from the vendor",
    "field": "which field of the record",
    "finding_id": "key of the row",
    "first_seen_at": "UTC; when it was first stated",
    "found_at": "UTC",
    "holder": "the process that holds it",
    "invoice_key": "the document, see `fapiao_invoice`",
    "last_seen_at": "UTC; when it was last stated",
    "layout_file_id": "key of the row",
    "layout_link_id": "the link, see `fapiao_layout_link`",
    "layout_task_id": "key of the row",
    "loaded": "records that became invoices",
    "merged_at": "UTC",
    "message": "in words",
    "name": "which counter",
    "next_value": "the first value that is not taken yet",
    "observed_at": "UTC; when it was stated",
    "opened_at": "UTC; when it was begun",
    "ordinal": "place of the record in its page, from 0",
    "page_id": "the page, see `fapiao_page`",
    "read_no": "which reading of the slice, from 1",
    "received_at": "UTC; when the link came",
    "record_count": "records on the page",
    "rejected": "records in quarantine",
    "rejected_at": "UTC",
    "renewal_until": "epoch seconds; how long the log-in may take before another process does it",
    "restarts": "how often slices were asked of the vendor anew: a start that was lost, a job that was divided",
    "rule": "the rule, such as A1",
    "seq": "from 1",
    "sha256": "of the file, hex",
    "slice_id": "the slice, see `fapiao_slice`",
    "slot": "from 0 to the account's concurrency",
    "source": "vendor plugin",
    "start_sent_at": "UTC; when the start was sent",
    "started_at": "UTC; when the vendor had accepted the start",
    "tax_rate_kind": "normal exempt not_taxed zero export_zero masked mixed missing",
    "taxpayer_no": "纳税人识别号",
    "token_renew_at": "epoch seconds; from when on it is renewed ahead of its end",
    "token_version": "counts renewals",
    "transcript_sha256": "of the transcript before compression, hex",
    "tries": "how often it was tried",
    "trip_no": "from 1",
    "value": "the number as text",
    "vendor_code": "the vendor's code of the last state",
    "vendor_job_id": "the vendor's id of its job, where it has one",
    "vendor_message": "the vendor's words, redacted",
    "vendor_row_id": "the vendor's id of the row",
    "verification_id": "the verification, see `fapiao_verification`",
}
"""Columns whose name says enough to have no comment in the database."""
_FINDINGS = (
    "What a row of `fapiao_finding` can say about an invoice: its `rule`, the severity that the rule usually has, its sentence. A "
    "record with a finding of the severity `reject` is in `fapiao_rejected` instead, with all its reasons. Findings with the rules "
    "`C7` and `C8` are about a list and described in [the proof of completeness](../completeness.md)."
)
_ROLE = re.compile(r":\w+:`~?([^`]+)`")
_PARAMETER = re.compile(r"^:param (\w+): ", re.MULTILINE)
_RAISES = re.compile(r"^:raises ([\w.]+): ", re.MULTILINE)


def pages() -> dict[str, str]:
    """File name → Markdown, in the order of the menu."""
    return {
        "operators.md": _airflow("Operators and sensors", "BaseOperator"),
        "hooks-and-triggers.md": _airflow("Hooks and triggers", "BaseHook", "BaseTrigger"),
        "connections.md": _connections(),
        "commands.md": _commands(),
        "tables.md": _tables(),
        "code-tables.md": _codes(),
        "findings.md": _findings(),
        "error-tree.md": _errors(),
    }


def _airflow(title: str, *bases: str) -> str:
    parts = [f"# {title}", "Made from the docstrings of `fapiao.airflow`."]
    for kind in sorted(set(_classes(bases)), key=lambda kind: kind.__name__):
        parts += [f"## {kind.__name__}", f"`from {kind.__module__} import {kind.__name__}`", _prose(kind)]
        described = _described(kind)
        rows = [
            (f"`{name}`", _default(parameter), described.get(name, "")) for name, parameter in _parameters(kind).items()
        ]
        if rows:
            parts.append(_table(("parameter", "default", "meaning"), rows))
        fields = getattr(kind, "template_fields", ())
        if fields:
            parts.append("Templated: " + ", ".join(f"`{name}`" for name in fields) + ".")
    return _page(parts)


def _classes(bases: tuple[str, ...]) -> Iterator[type]:
    for module in iter_modules(fapiao.airflow.__path__):
        if module.name == "coverage_app" and not AIRFLOW_3:
            continue
        found = import_module(f"fapiao.airflow.{module.name}")
        for name in getattr(found, "__all__", ()):
            kind = getattr(found, name, None)
            if not inspect.isclass(kind) or kind.__module__ != found.__name__ or name in _BASES:
                continue
            if any(base.__name__ in bases for base in kind.__mro__[1:]):
                yield kind


def _parameters(kind: type) -> dict[str, inspect.Parameter]:
    """Of all constructors of ours, the nearest first; Airflow's own parameters are Airflow's to describe."""
    found: dict[str, inspect.Parameter] = {}
    for base in kind.__mro__:
        if base.__module__.startswith("fapiao.") and "__init__" in vars(base):
            for name, parameter in inspect.signature(vars(base)["__init__"]).parameters.items():
                if name not in {"self", "kwargs", "args"}:
                    found.setdefault(name, parameter)
    return found


def _described(kind: type) -> dict[str, str]:
    found: dict[str, str] = {}
    for base in kind.__mro__:
        if base.__module__.startswith("fapiao."):
            for holder in (base, vars(base).get("__init__")):
                text = _plain(inspect.cleandoc(getattr(holder, "__doc__", None) or ""))
                pieces = _PARAMETER.split(text)
                for name, meaning in zip(pieces[1::2], pieces[2::2], strict=True):
                    found.setdefault(name, _line(_RAISES.split(meaning)[0]))
    return found


def _default(parameter: inspect.Parameter) -> str:
    if parameter.default is inspect.Parameter.empty:
        return "required"
    return f"`{parameter.default!r}`"


def _connections() -> str:
    parts = [
        "# Connection fields",
        "One connection type per installed vendor plugin. *place* is where Airflow keeps the value; what is in `extra` is a field too.",
    ]
    for name, described in _descriptors().items():
        rows = [
            (
                f"`{field.name}`", field.title, field.kind, field.place, "yes" if field.required else "",
                "" if field.default is None else f"`{field.default}`", field.help,
            )
            for field in (*described.fields, *COMMON_FIELDS)
        ]  # fmt: skip
        parts += [
            f"## {name}: {described.title}",
            _table(("field", "label", "kind", "place", "required", "default", "help"), rows),
        ]
    return _page(parts)


def _commands() -> str:
    parts = ["# Commands", "What `--help` says. With examples: [the command line](../command-line.md)."]
    for name, command in sorted(cli.commands.items()):
        context = click.Context(command, info_name=f"fapiao {name}")
        parts += [f"## fapiao {name}", f"```text\n{command.get_help(context)}\n```"]
    return _page(parts)


def _tables() -> str:
    parts = ["# Tables and columns", "What they are for: [the database](../database.md)."]
    for name, table in sorted(metadata.tables.items()):
        keys = {column.name for column in table.primary_key}
        rows = [
            (
                f"`{column.name}`", str(column.type), "key" if column.name in keys else "" if column.nullable else "not null",
                column.comment or _COLUMNS.get(column.name, ""),
            )
            for column in table.columns
        ]  # fmt: skip
        parts += [f"## {name}", _line(table.comment or ""), _table(("column", "type", "", "meaning"), rows)]
    return _page(parts)


def _codes() -> str:
    parts = ["# Code tables", "Canonical names first; then each vendor's own codes."]
    canonical: Mapping[str, Mapping[str, Any]] = {
        "Document types (发票类型)": codes.DOC_TYPES,
        "States (发票状态)": codes.STATES,
        "Specific businesses (特定业务类型)": codes.SPECIAL_BUSINESS,
        "Uses of input tax (用途)": codes.USAGES,
        "Reasons for not deducting (不抵扣原因)": codes.NOT_DEDUCTED_REASONS,
        "Management states (管理状态)": codes.MANAGEMENT_STATES,
    }
    for title, table in canonical.items():
        rows = [(f"`{name}`", str(getattr(value, "title", value))) for name, value in table.items()]
        parts += [f"## {title}", _table(("name", "中文"), rows)]
    for name, described in _descriptors().items():
        types = [
            (f"`{kind.code}`", kind.title, f"`{kind.doc_type}`", ", ".join(kind.directions)) for kind in described.types
        ]
        if types:
            parts += [f"## {name}: invoice types", _table(("code", "title", "canonical", "directions"), types)]
        for title, table in described.codes.items():
            meanings = [(f"`{code}`", meaning) for code, meaning in table.items()]
            parts += [f"## {name}: {title}", _table(("code", "meaning"), meanings)]
    return _page(parts)


def _findings() -> str:
    rows = [(f"`{rule.id}`", rule.severity.value, rule.sentence) for rule in RULES.values()]
    reasons = [(f"`{rule.id}`", rule.severity.value, rule.why) for rule in RULES.values() if rule.why]
    return _page(
        [
            "# Findings",
            _FINDINGS,
            _table(("rule", "severity", "sentence"), rows),
            "## Severities that are not the usual ones",
            _table(("rule", "severity", "why"), reasons),
        ]
    )


def _errors() -> str:
    parts = ["# The tree of errors", "What to do about each: [errors](../errors.md)."]
    for name in fapiao.errors.__all__:
        kind = getattr(fapiao.errors, name)
        if inspect.isclass(kind) and issubclass(kind, fapiao.errors.FapiaoError):
            bases = ", ".join(f"`{base.__name__}`" for base in kind.__bases__)
            parts += [f"## {name}", f"A kind of {bases}. By default the fault of: {kind.fault.value}.", _prose(kind)]
    return _page(parts)


def _descriptors() -> dict[str, Descriptor]:
    return {name: registry.get(name).descriptor for name in registry.names()}


def _prose(kind: type) -> str:
    return _PARAMETER.split(_plain(inspect.cleandoc(vars(kind).get("__doc__") or "")))[0].strip()


def _plain(text: str) -> str:
    return _ROLE.sub(lambda found: f"`{found[1].rsplit('.', 1)[-1]}`", text).replace("``", "`")


def _line(text: str) -> str:
    return " ".join(text.split())


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(_line(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
