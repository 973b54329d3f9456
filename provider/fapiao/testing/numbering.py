"""Synthetic tax numbers and document numbers: well-formed, unique, and of a region (99) where nobody lives."""

from __future__ import annotations

from fapiao.testing.draws import Draws

__all__ = ["Numbering", "tax_number", "taxpayer_ordinal"]

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_PREFIX = "91990000"
"""Registered by the market authority (9), an enterprise (1), region 990000."""


def tax_number(ordinal: int) -> str:
    """The ``ordinal``-th synthetic taxpayer number (统一社会信用代码): 18 characters with valid check characters.

    GB 32100-2015 for the whole, GB 11714 for the organisation code within. ``ordinal`` is 0 … 99,999,999.
    """
    organisation = f"{ordinal:08d}"
    remainder = sum(int(digit) * weight for digit, weight in zip(organisation, _ORGANISATION_WEIGHTS, strict=True)) % 11
    body = _PREFIX + organisation + "0123456789X0"[(11 - remainder) % 11]
    total = sum(_ALPHABET.index(character) * weight for character, weight in zip(body, _WEIGHTS, strict=True))
    return body + _ALPHABET[-total % 31]


def taxpayer_ordinal(taxpayer_no: str) -> int:
    """A number of 0 … 999,999 that stands for the taxpayer inside document numbers.

    The ordinal itself for taxpayers made by :func:`tax_number` (below 500,000), else a digest in the upper half.
    """
    if taxpayer_no.startswith(_PREFIX) and taxpayer_no[8:16].isdigit():
        ordinal = int(taxpayer_no[8:16])
        if ordinal < 500_000:
            return ordinal
    return 500_000 + Draws("taxpayer", taxpayer_no).words(0)[0] % 500_000


class Numbering:
    """Numbers of the documents of one slice: unique over slices, months, taxpayers and indices below 999,999.

    Tax-control numbers have fewer digits: they are unique for ordinals below 4,000, customs numbers below 1,000.
    """

    __slots__ = ("_code", "_customs", "_digital", "_number")

    def __init__(self, taxpayer_no: str, invoice_month: str, slice_no: int, direction: str, code: str) -> None:
        """``code`` is a pattern of the invoice code: ``rr`` region, ``yy`` year, ``b`` batch digits; ``""`` for none."""
        ordinal = taxpayer_ordinal(taxpayer_no)
        year, month = invoice_month[2:4], invoice_month[4:6]
        period = int(month) + (50 if direction == "output" else 0)
        self._digital = f"{year}99{ordinal // 100_000}{period:02d}{slice_no:02d}{ordinal % 100_000:05d}"
        place = (ordinal * 12 + int(month) - 1) * 2 + (direction == "output")
        self._number = f"{(place + 60) % 100:02d}"  # so that the demo meets leading zeros
        width = code.count("b")
        batch = place // 100 % (100 * 10**width)
        region, batch_digits = divmod(batch, 10**width)
        self._code = (
            code.replace("rr", f"{region:02d}").replace("yy", year).replace("b" * width, f"{batch_digits:0{width}d}")
            if code
            else ""
        )
        self._customs = f"99{month}{invoice_month[:4]}1{ordinal % 1000:03d}"

    @property
    def code(self) -> str | None:
        """发票代码: the same for all invoices of the slice."""
        return self._code or None

    def number(self, index: int) -> str:
        """发票号码 of eight digits; may begin with a zero."""
        # A number of zeros only is none: where the first two are zeros, the rest counts from one.
        return f"{self._number}{(index + (self._number == '00')) % 1_000_000:06d}"

    def digital(self, index: int) -> str:
        """数电票号码 of twenty digits."""
        return f"{self._digital}{index % 1_000_000:06d}"

    def customs(self, index: int) -> str:
        """缴款书号码: eighteen digits and the suffix of value-added tax."""
        return f"{self._customs}{index % 1_000_000:06d}-L{1 + index % 2:02d}"
