"""Group F: raw records become canonical invoices, or are rejected with their reasons."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from fapiao.engine.encoded import DECODER, ENCODER
from fapiao.engine.withheld_answers import Answers, RawRules
from fapiao.errors import FapiaoError
from fapiao.invoices.codes import DOC_TYPES, STATES
from fapiao.invoices.intake import examine
from fapiao.invoices.model import Invoice, NormalizeContext, Rejected
from fapiao.invoices.personal_data import CLASSES, EVERYTHING
from fapiao.invoices.withholding import Withholding
from fapiao.registry import Source
from fapiao.testing.conformance.answers import mutated
from fapiao.testing.conformance.check import Breach, Check, NotApplicable
from fapiao.testing.conformance.kit import Kit, Sample
from fapiao.testing.conformance.tour import tour_of
from fapiao.wire import SyncQuery

__all__ = ["CHECKS"]

_CENT = Decimal("0.01")
_UNKNOWN = "fapiaoUnknownField"
_NEVER = "read every value with fapiao.invoices.values, and return Rejected where the record is no object"
Outcome = Invoice | Rejected


def samples_map(kit: Kit) -> Iterator[Breach]:
    if not kit.samples:
        yield Breach("kit", "it declares no samples", "declare at least one record of every shape as a Sample")
    for sample in kit.samples:
        result = _normalised(kit, sample.record, sample)
        if isinstance(result, str):
            yield Breach("normalize", f"for {sample.name} it {result}", _NEVER)
        elif isinstance(result, Rejected):
            yield Breach(
                "normalize",
                f"it rejects {sample.name}: {'; '.join(reason.message for reason in result.reasons)}",
                "a sample is a good record: map it, or correct the sample",
            )
    source = tour_of(kit).conversation.source
    for record, context in _walked(kit):
        result = _outcome(source, record, context)
        if isinstance(result, str):
            yield Breach("normalize", f"for a record that the kit's vendor gave it {result}", _NEVER)
            return


def whatever_comes(kit: Kit) -> Iterator[Breach]:
    for sample in _samples(kit):
        for what, record in mutated(sample.record):
            result = _normalised(kit, record, sample)
            if isinstance(result, str):
                yield Breach("normalize", f"for {sample.name} with {what} it {result}", _NEVER)
                break


def money(kit: Kit) -> Iterator[Breach]:
    for name, invoice in _invoices(kit):
        floats = [path for path, value in _leaves(invoice) if isinstance(value, float)]
        if floats:
            yield Breach(
                "normalize",
                f"{name} has the float {floats[0]}",
                "read amounts with fapiao.invoices.money: they are Decimal from the wire on",
            )
            continue
        net, tax, gross = invoice.amount_excl_tax, invoice.tax_amount, invoice.amount_incl_tax
        if net is not None and tax is not None and gross is not None and abs(net + tax - gross) > _CENT:
            rules = {found.rule for found in examine(None, 0, invoice, _context(kit)).findings}
            if not rules & {"A1", "A2", "A3"}:
                yield Breach(
                    "normalize",
                    f"{name}: {net} without tax and {tax} tax are not {gross} with tax, and nothing remarks it",
                    "map each amount from its own field; derive only what is missing, and say so in amounts_derived",
                )


def identified(kit: Kit) -> Iterator[Breach]:
    seen: dict[Any, str] = {}
    for name, invoice in _invoices(kit):
        judged = examine(None, 0, invoice, _context(kit))
        if judged.invoice is None:
            reasons = "; ".join(reason.message for reason in judged.rejected)
            yield Breach(
                "normalize",
                f"{name} has no identity: {reasons}",
                "fill digital_number, or invoice_code and invoice_number, or customs_no (see fapiao.invoices.identity)",
            )
            continue
        if name in seen.values():
            continue
        numbers = judged.numbers[0]
        if numbers in seen:
            yield Breach(
                "normalize", f"{name} and {seen[numbers]} get one and the same number", "map the number of each record"
            )
        seen[numbers] = name


def dates(kit: Kit) -> Iterator[Breach]:
    remedy = "read times with fapiao.invoices.dates: naive China time, and the day the invoice shows"
    for name, invoice in _invoices(kit):
        aware = [path for path, value in _leaves(invoice) if isinstance(value, datetime) and value.tzinfo is not None]
        if aware:
            yield Breach("normalize", f"{name} has {aware[0]} with a time zone", remedy)
        if invoice.issued_on is None:
            yield Breach("normalize", f"{name} has no issued_on", remedy)
        elif invoice.issued_at is not None and invoice.issued_at.date() != invoice.issued_on:
            yield Breach("normalize", f"{name} has issued_on on another day than issued_at", remedy)
        if invoice.doc_type not in DOC_TYPES or invoice.state not in STATES:
            yield Breach(
                "normalize",
                f"{name} has doc_type {invoice.doc_type!r} and state {invoice.state!r}",
                "use the canonical codes of fapiao.invoices.codes",
            )


def unknown_kept(kit: Kit) -> Iterator[Breach]:
    for sample in _samples(kit):
        if not isinstance(sample.record, dict):
            continue
        record = {**copy.deepcopy(sample.record), _UNKNOWN: {"a": "新"}}
        result = _normalised(kit, record, sample)
        if not isinstance(result, Invoice):
            yield Breach("normalize", f"{sample.name} with a new field: it {result}", _EXTRA)
        elif "新" not in msgspec.json.encode(result.extra, enc_hook=repr).decode():
            yield Breach("normalize", f"a field of {sample.name} that it does not know is dropped", _EXTRA)


_EXTRA = "keep what you do not know in Invoice.extra: vendors add fields without telling"


def required(kit: Kit) -> Iterator[Breach]:
    declared = [sample for sample in _samples(kit) if sample.required]
    if not declared:
        yield Breach(
            "kit",
            "no sample says which raw fields identify it",
            "give a Sample the names of its number fields in required",
        )
    for sample in declared:
        record = {name: value for name, value in sample.record.items() if name not in sample.required}
        result = _normalised(kit, record, sample)
        if isinstance(result, str):
            yield Breach("normalize", f"for {sample.name} without its numbers it {result}", _NEVER)
            continue
        judged = examine(record, 0, result, sample.context(kit))
        if judged.invoice is not None or not any(reason.field for reason in judged.rejected):
            yield Breach(
                "normalize",
                f"{sample.name} without {', '.join(sample.required)} is not rejected with the path of what is missing",
                "never make up a number; leave the field None, or return Rejected with a finding that names the field",
            )


def same_bytes(kit: Kit) -> Iterator[Breach]:
    for sample in _samples(kit):
        made = [_bytes(_normalised(kit, copy.deepcopy(sample.record), sample)) for _ in range(2)]
        backwards = _bytes(_normalised(kit, _reversed(sample.record), sample))
        if made[0] != made[1] or (backwards != made[0] and b'"extra"' not in made[0]):
            yield Breach(
                "normalize",
                f"{sample.name} gives other bytes the second time, or when its fields stand in another order",
                "depend on the record and the context only: stored records are read again and compared",
            )


def _samples(kit: Kit) -> tuple[Sample, ...]:
    if not kit.samples:
        raise NotApplicable("the kit declares no samples, which F1 says")
    return tuple(kit.samples)


def _invoices(kit: Kit) -> Iterator[tuple[str, Invoice]]:
    for sample in _samples(kit):
        result = _normalised(kit, sample.record, sample)
        if isinstance(result, Invoice):
            yield sample.name, result


def _normalised(kit: Kit, record: Any, sample: Sample) -> Outcome | str:
    return _outcome(tour_of(kit).conversation.source, record, sample.context(kit))


def _outcome(source: Source, record: Any, context: NormalizeContext) -> Outcome | str:
    """The result, or in words what went wrong instead."""
    try:
        result: Any = source.normalize(record, context)
    except FapiaoError as error:
        cause = error.__cause__ or error
        return f"raised {type(cause).__name__}: {cause}"
    if not isinstance(result, Invoice | Rejected):
        return f"returned {type(result).__name__}"
    if isinstance(result, Rejected) and not result.reasons:
        return "returned Rejected without a reason"
    return result


def _walked(kit: Kit) -> Iterator[tuple[Any, NormalizeContext]]:
    for read in tour_of(kit).reads:
        query = read.visit.errand.slice or read.visit.errand.listing
        assert query is not None
        listed = isinstance(query, SyncQuery)
        context = NormalizeContext(
            source=kit.name,
            api="sync" if listed else "collect",
            taxpayer_no=query.taxpayer_no,
            invoice_month="" if isinstance(query, SyncQuery) else query.invoice_month,
            type=query.query if isinstance(query, SyncQuery) else query.key.type,
            direction="input" if isinstance(query, SyncQuery) else query.key.direction,
        )
        for record in read.page.records:
            yield record, context


def _context(kit: Kit) -> NormalizeContext:
    return kit.samples[0].context(kit)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            if name != "extra":
                yield from _leaves(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, tuple | list):
        for position, item in enumerate(value):
            yield from _leaves(item, f"{path}[{position}]")
    else:
        yield path, value


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _reversed(value[name]) for name in reversed(value)}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


def _bytes(result: Outcome | str) -> bytes:
    return result.encode() if isinstance(result, str) else msgspec.json.encode(result, enc_hook=repr)


def personal_told(kit: Kit) -> Iterator[Breach]:
    """Whatever a policy may drop is dropped out of the answer itself, and nothing else goes with it."""
    if kit.descriptor.personal is None:
        yield Breach(
            "describe",
            "personal is not declared, so the source's raw can only be stored encrypted",
            "declare which fields of the answers are personal data (an empty mapping where none are)",
        )
        return
    for sample in _samples(kit):
        for data_class in CLASSES:
            if data_class == "unknown" and kit.descriptor.known_fields is None:
                continue
            yield from _dropped(kit, sample, data_class)


def _dropped(kit: Kit, sample: Sample, data_class: str) -> Iterator[Breach]:
    withholding = Withholding(msgspec.structs.replace(EVERYTHING, **{data_class: "drop"}))
    own = sample.context(kit).taxpayer_no
    whole = _normalised(kit, sample.record, sample)
    if not isinstance(whole, Invoice):
        return
    answers = Answers(RawRules.of(kit.descriptor), withholding)
    body, _ = answers.body(ENCODER.encode(sample.record), own)
    left = _normalised(kit, DECODER.decode(body), sample)
    wanted = withholding.invoice(whole, own)
    if not isinstance(left, Invoice):
        lost = left if isinstance(left, str) else "rejects it"
        yield Breach("normalize", f"{sample.name} without its {data_class} data: it {lost}", _NEVER)
        return
    for name in Invoice.__struct_fields__:
        if name != "findings" and getattr(left, name) != getattr(wanted, name):
            yield Breach(
                "describe",
                f"{sample.name}: dropping {data_class} data from the answer leaves {name} otherwise than dropping it from the invoice",
                "declare in personal every field that is of this class, and in known_fields every field that is read",
            )
            return


CHECKS = (
    Check(
        id="F1", title="Every sample, and every record of the kit's vendor, is mapped or rejected.", examine=samples_map
    ),
    Check(id="F2", title="normalize never raises, whatever a field holds.", examine=whatever_comes),
    Check(id="F3", title="Amounts are Decimal and add up.", examine=money),
    Check(id="F4", title="Every sample has an identity of its own.", examine=identified),
    Check(id="F5", title="Dates are China's, codes canonical.", examine=dates),
    Check(id="F6", title="A field that the plugin does not know is kept.", examine=unknown_kept),
    Check(
        id="F7", title="A record without its number is rejected, with the path of what is missing.", examine=required
    ),
    Check(id="F8", title="The same record gives the same bytes.", examine=same_bytes),
    Check(id="F9", title="The fields of answers that are personal data are declared.", examine=personal_told),
)
