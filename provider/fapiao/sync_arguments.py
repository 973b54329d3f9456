"""What a user asks of a sync, checked before any vendor is called: taxpayer, lists, tax period, dates, filters."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

import msgspec

from fapiao.errors import ConfigurationError
from fapiao.registry import Source
from fapiao.spec import Capability
from fapiao.wire import INPUT, Account, SliceKey, SyncQuery

__all__ = ["SyncRequest", "filter_pairs", "sync_request"]

_LONGEST_TEXT = 255
"""Characters of the column ``fapiao_collection.query``."""


class SyncRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A validated wish to read lists of one taxpayer."""

    taxpayer_no: str
    queries: tuple[SyncQuery, ...]
    """One for each list, alike but for the list's code; ordered by it."""
    accept_rejected: bool = False
    """Rejected records are recorded but do not fail the run."""

    @property
    def tax_period(self) -> str:
        """税款所属期 ``yyyymm``, or empty where none is asked for."""
        return self.queries[0].tax_period or ""

    @property
    def slices(self) -> tuple[SliceKey, ...]:
        """One for each list."""
        return tuple(SliceKey(query.query, INPUT) for query in self.queries)

    @property
    def text(self) -> str:
        """What is asked for, as the ledger keeps it: the same text is the same question."""
        codes = ",".join(query.query for query in self.queries)
        text = str(msgspec.structs.replace(self.queries[0], query=codes))
        if len(text) <= _LONGEST_TEXT:
            return text
        digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        return f"{text[: _LONGEST_TEXT - len(digest) - 2]} #{digest}"

    def query(self, key: SliceKey) -> SyncQuery:
        """The list that a slice stands for."""
        return next(query for query in self.queries if query.query == key.type)


def sync_request(
    source: Source,
    account: Account,
    *,
    taxpayer_no: str,
    queries: Iterable[str],
    tax_period: str | None = None,
    first_on: str | None = None,
    last_on: str | None = None,
    filters: Iterable[tuple[str, str]] = (),
    zipped: bool = False,
    on_rejected: str = "fail",
) -> SyncRequest:
    """Check the wish; which filter goes with which list only the source knows.

    :param queries: the vendor's codes of lists (JCSK ``rzzt``).
    :param tax_period: ``yyyymm``. Dates are ``yyyy-mm-dd``; what they filter is the list's own meaning.
    :param filters: further filters by the vendor's names.
    :param on_rejected: ``fail`` or ``accept``.
    :raises ConfigurationError: everything that is wrong, with the allowed values.
    """
    if Capability.SYNC not in source.descriptor.capabilities:
        raise ConfigurationError(
            f"{source.descriptor.title} has no lists to sync.",
            source=source.name,
            advice="'fapiao sources' shows what each source can do: sync, collect.",
        )
    if on_rejected not in ("fail", "accept"):
        raise ConfigurationError(
            f"The on_rejected {str(on_rejected)[:40]!r} is not valid.", advice="Allowed: fail or accept."
        )
    codes = sorted({str(code).strip() for code in queries} - {""})
    if not codes:
        known = ", ".join(source.descriptor.lists)
        raise ConfigurationError("No list is asked for.", source=source.name, advice=f"Name one of {known}.")
    taxpayer = re.sub(r"[\s-]", "", str(taxpayer_no)).upper()
    wish = SyncQuery(
        taxpayer_no=taxpayer,
        query="",
        tax_period=_text(tax_period),
        first_on=_text(first_on),
        last_on=_text(last_on),
        zipped=zipped,
        filters=tuple(sorted(filters)),
    )
    found: list[SyncQuery] = []
    faults: list[ConfigurationError] = []
    for code in codes:
        try:
            found.append(source.sync_query(account, msgspec.structs.replace(wish, query=code)))
        except ConfigurationError as fault:
            faults.append(fault)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        said = " ".join(dict.fromkeys(fault.what for fault in faults))
        raise ConfigurationError(said, source=source.name, taxpayer_no=taxpayer, advice=faults[0].advice)
    return SyncRequest(taxpayer_no=taxpayer, queries=tuple(found), accept_rejected=on_rejected == "accept")


def filter_pairs(texts: Iterable[str]) -> list[tuple[str, str]]:
    """``name=value`` texts as pairs.

    :raises ConfigurationError: names every text that is none.
    """
    pairs = [text.partition("=") for text in texts]
    wrong = [repr(name[:40]) for name, sign, _ in pairs if not sign or not name.strip()]
    if wrong:
        raise ConfigurationError(
            f"The filter {', '.join(wrong)} has no value." if len(wrong) == 1 else f"{', '.join(wrong)} have no value.",
            advice="Write filters as name=value, by the vendor's names.",
        )
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def _text(value: object) -> str | None:
    """A template that renders to nothing is not given."""
    text = "" if value is None else str(value).strip()
    return text if text and text != "None" else None
