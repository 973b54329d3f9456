"""One invoice from what several sources said about it, whatever the order in which they said it.

Each field is decided on its own: the observation of the highest rank that knows a clean value supplies it; of equal
ranks the newest. Empty never replaces known, masked never replaces clean, derived never replaces stated. The state is
the exception: the newest observation that knows one is right, because states change. Lines and the other children are
taken whole from one observation, never mixed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import time
from typing import Any

import msgspec

from fapiao.invoices.codes import UNKNOWN
from fapiao.invoices.lines import SYNTHETIC
from fapiao.invoices.model import Finding, Invoice, Level
from fapiao.invoices.problems import finding
from fapiao.invoices.rates import RateKind
from fapiao.invoices.tax_numbers import same_party
from fapiao.invoices.texts import is_masked, is_withheld

__all__ = ["RANKS", "Folded", "Observation", "fold"]

RANKS: Mapping[str, int] = {"files": 40, "verify": 30, "collect": 20, "sync": 10}
"""How much an interface is worth, by ``source.api`` or by ``api`` alone; what is not named ranks 0.

A parsed XML file outranks the bureau's verification, that a full collection, that a list.
"""


class Observation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one source said about an invoice at one time."""

    source: str
    api: str
    observed_at: float
    """Epoch seconds."""
    invoice: Invoice


class Folded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The current invoice, without findings and deduction, and the conflicts (M1) between its observations."""

    invoice: Invoice
    conflicts: tuple[Finding, ...] = ()


def fold(observations: Sequence[Observation], ranks: Mapping[str, int] = RANKS) -> Folded:
    """Fold all observations of one document. Pure; order and repetition do not matter.

    A field that cannot change on an issued document (type, numbers, day of issue, tax numbers, amounts) and for which
    sources state different clean values keeps the one of the highest rank and is reported once (M1).

    :raises ValueError: no observation at all.
    """
    if not observations:
        raise ValueError("There is nothing to fold: a document needs at least one observation.")
    only = observations[0].invoice
    if all(item.invoice == only for item in observations):
        if only.findings or only.deduction is not None:
            only = msgspec.structs.replace(only, findings=(), deduction=None)
        return Folded(invoice=only)
    best_first = _ordered(observations, ranks)
    fields: dict[str, Any] = {}
    conflicts: list[Finding] = []
    for name in _TEXTS:
        fields[name] = _best_text(best_first, name)
    for name in _PLAIN:
        fields[name] = _first(getattr(item.invoice, name) for item in best_first)
    for name in _WHOLE:
        fields[name] = _first(getattr(item.invoice, name) or None for item in best_first) or _EMPTY[name]
    for name, agrees in _IMMUTABLE.items():
        fields[name] = _settled(best_first, name, agrees, conflicts)
    _fold_amounts(best_first, fields, conflicts)
    _fold_type(best_first, fields, conflicts)
    _fold_state(best_first, fields)
    _fold_rate(best_first, fields)
    _fold_business(best_first, fields)
    _fold_time(best_first, fields)
    fields["lines"] = _best_lines(best_first)
    fields["level"] = max((item.invoice.level for item in best_first), key=_LEVELS.index)
    return Folded(invoice=Invoice(**fields), conflicts=tuple(conflicts))


_LEVELS = (Level.LIST, Level.HEAD, Level.FULL, Level.FILE)
_AMOUNTS = ("amount_excl_tax", "tax_amount", "amount_incl_tax")
_NUMBERS = ("invoice_code", "invoice_number", "digital_number", "customs_no", "certificate_no")
_PARTIES = ("seller_tax_no", "buyer_tax_no")
_EMPTY: Mapping[str, Any] = {"vehicle": None, "customs": None, "trips": (), "special_businesses": (), "extra": None}
_WHOLE = tuple(_EMPTY)
_PAIRED = (
    "doc_type", "doc_type_raw", "state", "state_raw", "is_red", "amounts_derived", "tax_rate", "tax_rate_text",
    "tax_rate_kind", "special_business", "special_business_raw", "issued_at", "lines", "level", "findings", "deduction",
)  # fmt: skip
"""Fields that a function of their own decides, and what does not belong to the document: findings, a holder's deduction."""
_PLAIN = ("has_goods_list", "declared_line_count")
_TEXTS = tuple(
    name
    for name in Invoice.__struct_fields__
    if name not in {*_AMOUNTS, *_NUMBERS, *_PARTIES, *_WHOLE, *_PAIRED, *_PLAIN, "issued_on"}
)


def _equal(one: Any, other: Any) -> bool:
    return bool(one == other)


_IMMUTABLE: Mapping[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(_NUMBERS, _equal),
    "issued_on": _equal,
    **dict.fromkeys(_PARTIES, same_party),
}


def _ordered(observations: Sequence[Observation], ranks: Mapping[str, int]) -> list[Observation]:
    """Best first: rank, then newest, then (only to be independent of the order given) source, api and content."""

    def rank(item: Observation) -> tuple[int, float, str, str]:
        worth = ranks.get(f"{item.source}.{item.api}", ranks.get(item.api, 0))
        return (worth, item.observed_at, item.source, item.api)

    keys = [rank(item) for item in observations]
    if len(set(keys)) == len(keys):
        order = sorted(range(len(keys)), key=keys.__getitem__, reverse=True)
    else:
        contents = [_ENCODER.encode(item.invoice) for item in observations]
        order = sorted(range(len(keys)), key=lambda i: (keys[i], contents[i]), reverse=True)
    return [observations[i] for i in order]


_ENCODER = msgspec.json.Encoder()


def _first(values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _best_text(best_first: list[Observation], name: str) -> Any:
    masked = None
    for item in best_first:
        value = getattr(item.invoice, name)
        if value is not None:
            if not (is_withheld(value) if name == "remark" else is_masked(value)):
                return value
            masked = masked or value
    return masked


def _settled(
    best_first: list[Observation], name: str, agrees: Callable[[Any, Any], bool], conflicts: list[Finding]
) -> Any:
    """The best clean value of an immutable field; other clean values are a conflict."""
    chosen: Any = None
    keeper: Observation | None = None
    masked: Any = None
    others: set[str] = set()
    for item in best_first:
        value = getattr(item.invoice, name)
        if value is None:
            continue
        if type(value) is str and is_masked(value):
            masked = masked or value
        elif keeper is None:
            chosen, keeper = value, item
        elif not agrees(chosen, value):
            others.add(f"{item.source}.{item.api}")
    if keeper is None:
        return masked
    if others:
        conflicts.append(_conflict(name, keeper, others))
    return chosen


def _conflict(name: str, keeper: Observation, others: set[str]) -> Finding:
    said = ", ".join(sorted(others))
    return finding("M1", name, f"{said} and {keeper.source}.{keeper.api} state different values; the latter is kept.")


def _fold_amounts(best_first: list[Observation], fields: dict[str, Any], conflicts: list[Finding]) -> None:
    """Stated amounts before derived ones; only stated ones can conflict. The colour comes with the amounts."""
    derived: list[str] = []
    for name in _AMOUNTS:
        stated = [item for item in best_first if name not in item.invoice.amounts_derived]
        value = _settled(stated, name, _equal, conflicts)
        if value is None:
            value = _first(getattr(item.invoice, name) for item in best_first)
            if value is not None:
                derived.append(name)
        fields[name] = value
    fields["amounts_derived"] = tuple(derived)
    fields["is_red"] = next(
        (item.invoice.is_red for item in best_first if any(getattr(item.invoice, name) for name in _AMOUNTS)),
        any(item.invoice.is_red for item in best_first),
    )


_VAGUE = {UNKNOWN: 0, "other_receipt": 1, "digital_generic": 2}
"""Types that say less than any other one does."""


def _fold_type(best_first: list[Observation], fields: dict[str, Any], conflicts: list[Finding]) -> None:
    keeper = max(best_first, key=lambda item: _VAGUE.get(item.invoice.doc_type, 9))  # the first of the most specific
    fields["doc_type"] = keeper.invoice.doc_type
    fields["doc_type_raw"] = keeper.invoice.doc_type_raw
    others = {
        f"{item.source}.{item.api}"
        for item in best_first
        if item.invoice.doc_type != keeper.invoice.doc_type and item.invoice.doc_type not in _VAGUE
    }
    if others:
        conflicts.append(_conflict("doc_type", keeper, others))


def _fold_state(best_first: list[Observation], fields: dict[str, Any]) -> None:
    """The newest state that was told; of states observed at the same instant that of the better observation.

    A code in no table is told, too: an invoice that came into a state nobody knows must not look *normal* any more.
    """
    told = [item for item in best_first if item.invoice.state != UNKNOWN or item.invoice.state_raw is not None]
    if not told:
        fields["state"], fields["state_raw"] = UNKNOWN, None
        return
    newest = max(told, key=lambda item: item.observed_at)  # the first of the newest
    fields["state"], fields["state_raw"] = newest.invoice.state, newest.invoice.state_raw


def _fold_rate(best_first: list[Observation], fields: dict[str, Any]) -> None:
    """Number, text and kind belong together; a number before ``mixed``, that before ``***``, that before nothing."""

    def worth(item: Observation) -> int:
        kind = item.invoice.tax_rate_kind
        if item.invoice.tax_rate is not None:
            return 3
        if kind is None or kind == RateKind.MISSING:
            return 1 if item.invoice.tax_rate_text is not None else 0
        return 2

    chosen = max(best_first, key=worth).invoice
    fields["tax_rate"] = chosen.tax_rate
    fields["tax_rate_text"] = chosen.tax_rate_text
    fields["tax_rate_kind"] = chosen.tax_rate_kind


def _fold_business(best_first: list[Observation], fields: dict[str, Any]) -> None:
    """The canonical name and the raw code of one observation: one whose code was understood before any other."""
    chosen = max(
        best_first,
        key=lambda item: (
            2 * (item.invoice.special_business is not None) + (item.invoice.special_business_raw is not None)
        ),
    ).invoice
    fields["special_business"] = chosen.special_business
    fields["special_business_raw"] = chosen.special_business_raw


_MIDNIGHT = time(0)


def _fold_time(best_first: list[Observation], fields: dict[str, Any]) -> None:
    """A time on the day chosen; midnight is what lists print for 'no time', so any other time comes before it."""
    times = [
        item.invoice.issued_at
        for item in best_first
        if item.invoice.issued_at is not None and item.invoice.issued_at.date() == fields["issued_on"]
    ]
    fields["issued_at"] = next((at for at in times if at.time() != _MIDNIGHT), times[0] if times else None)


def _best_lines(best_first: list[Observation]) -> tuple[Any, ...]:
    """The lines of the best observation that has real ones; lines made from the head are better than none."""
    made: tuple[Any, ...] = ()
    for item in best_first:
        lines = item.invoice.lines
        if lines:
            if lines[0].kind != SYNTHETIC:
                return lines
            made = made or lines
    return made
