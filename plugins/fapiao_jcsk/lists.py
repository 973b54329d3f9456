"""The lists that S000621 can be asked for (``rzzt``), as a profile that a connection may correct.

The vendor publishes its table of codes as an image only. Six codes appear in the text of the document; their filters and
what the dates mean are documented, their labels are read from the context. So a code is an opaque setting with a label,
and nothing is ever derived from it: whether an invoice is certified stands in its own row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fapiao.errors import ConfigurationError

__all__ = ["CONFIDENCES", "DATE_MEANINGS", "PROFILE", "List", "read_profile"]

DATE_MEANINGS: Mapping[str, str] = {"issued": "开票日期", "selected": "勾选日期"}
"""What ``rq_q`` and ``rq_z`` filter."""

CONFIDENCES = ("documented", "inferred", "guess")
"""How sure a label is, best first."""

_DEDUCTION_FILTERS = ("fpdm", "fphm", "fplxdm", "fpztdm", "fxdjdm", "qdfphm")


class List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One list."""

    label: str
    dates: str = "issued"
    """A key of ``DATE_MEANINGS``."""
    confidence: str = "documented"
    """One of ``CONFIDENCES``: how sure the label is. What the dates mean and which filters go along is documented."""
    filters: tuple[str, ...] = ()
    """The vendor's names of the filters that only some lists know and this one does."""


PROFILE: Mapping[str, List] = {
    "10": List("抵扣类, 未勾选", "issued", "inferred", _DEDUCTION_FILTERS),
    "11": List("抵扣类, 当期已勾选", "selected", "inferred", (*_DEDUCTION_FILTERS, "gxrq_q", "gxrq_z")),
    "12": List("其他用途, 未勾选 (退税, 不抵扣或转内销)", "issued", "guess", ("znxpz",)),
    "15": List("其他用途, 已勾选 (不抵扣)", "selected", "guess"),
    "17": List("出口退税, 已认证", "selected", "guess"),
    "40": List("往期抵扣类", "issued", "inferred", ("adapter",)),
}
"""What the document's text says about each code (发票勾选状态查询参数对照表)."""


def read_profile(text: str) -> tuple[dict[str, List], list[str]]:
    """``PROFILE`` with the corrections of the connection's setting ``rzzt_profile``, and everything wrong with them.

    The setting is JSON text: ``{"12": {"label": "退税, 未勾选", "confidence": "documented"}, "20": {"label": "未到期"}}``. A known
    code keeps what its entry does not name; ``null`` takes a code away.
    """
    profile = dict(PROFILE)
    if not text.strip():
        return profile, []
    try:
        given = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return profile, ["rzzt_profile is not JSON text"]
    if not isinstance(given, dict):
        return profile, ["rzzt_profile is not a JSON object of codes"]
    faults: list[str] = []
    for code, entry in given.items():
        if not (code.isascii() and code.isalnum() and len(code) <= 8):
            faults.append(f"rzzt_profile names the code {code[:20]!r}, which is not up to 8 letters and digits")
        elif entry is None:
            profile.pop(code, None)
        else:
            try:
                profile[code] = _entry(entry, profile.get(code))
            except ConfigurationError as problem:
                faults.append(f"rzzt_profile[{code!r}] {problem.what}")
    return profile, faults


def _entry(entry: Any, known: List | None) -> List:
    if not isinstance(entry, dict):
        raise ConfigurationError("is not a JSON object")
    merged = (msgspec.to_builtins(known) if known else {}) | entry
    try:
        wanted = msgspec.convert(merged, List)
    except msgspec.ValidationError as problem:
        raise ConfigurationError(f"is wrong: {problem}") from None
    if wanted.dates not in DATE_MEANINGS:
        raise ConfigurationError(f"has dates that are not one of {', '.join(DATE_MEANINGS)}")
    if wanted.confidence not in CONFIDENCES:
        raise ConfigurationError(f"has a confidence that is not one of {', '.join(CONFIDENCES)}")
    return wanted
