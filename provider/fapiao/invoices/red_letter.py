"""Red letters (红冲): which blue invoice a red one takes back, and what the red ones make of the blue one's state.

A red invoice says so only in its remark (备注), in wording fixed by the issuing software:

* tax control: ``对应正数发票代码:144031700111号码:12345678``, ``开具红字增值税专用发票信息表编号1101…`` (16 digits);
* digital: ``被红冲蓝字数电票号码：2411…`` (20 digits), ``红字发票信息确认单编号：…`` (20 digits).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from fapiao.invoices.codes import Scheme
from fapiao.invoices.identity import Number
from fapiao.invoices.model import Finding, Invoice
from fapiao.invoices.problems import finding

__all__ = ["CONFIRMATION", "BlueReference", "Judged", "RedReference", "judge", "of", "parse", "written"]


class BlueReference(msgspec.Struct, frozen=True, order=True, gc=False):
    """A blue invoice as a remark names it."""

    number: Number
    certain: bool
    """The remark labels it as the blue invoice; False for a bare number of the right length in a red remark."""


class RedReference(msgspec.Struct, frozen=True, gc=False):
    """What the remark of a red-letter invoice refers to."""

    blue: tuple[BlueReference, ...] = ()
    confirmations: tuple[str, ...] = ()
    """红字发票信息确认单编号 (20 digits) and 信息表 / 通知单编号 (16 digits)."""

    def __bool__(self) -> bool:
        return bool(self.blue or self.confirmations)

    def named(self) -> dict[tuple[str, str], bool]:
        """Everything the remark names: (scheme, value) → whether it is labelled as that."""
        found = {(blue.number.scheme, blue.number.value): True for blue in self.blue if blue.certain}
        for blue in self.blue:
            found.setdefault((blue.number.scheme, blue.number.value), False)
        return found | {(CONFIRMATION, number): True for number in self.confirmations}


CONFIRMATION = "confirmation"
"""Beside the schemes of invoice numbers: the number of a 确认单, 信息表 or 通知单."""


_GAP = r"[:\s,，;；。、()（）\[\]【】“”\"'-]*"
_CONFIRMATION = re.compile(rf"(?:确认单|信息表|通知单|申请单)(?:编号|号码|号)?{_GAP}(\d{{20}}|\d{{16}})(?!\d)")
_CODE_AND_NUMBER = re.compile(rf"代码{_GAP}(\d{{12}}|\d{{10}})(?!\d){_GAP}(?:发票)?号码?{_GAP}(\d{{8}})(?!\d)")
_LABELLED = re.compile(rf"(?:蓝字|正数|原|被红冲)[^\d确信通]{{0,24}}号码?{_GAP}(\d{{20}})(?!\d)")
_BARE = re.compile(r"(?<!\d)(\d{20})(?!\d)")


def of(invoice: Invoice) -> RedReference | None:
    """The reference of a red-letter invoice; None for a blue one."""
    return parse(invoice.remark) if invoice.is_red else None


def parse(remark: str | None) -> RedReference:
    """Every blue invoice and confirmation that a remark names, each once, in the order of their appearance."""
    if not remark or not any(character.isdigit() for character in remark):
        return RedReference()
    text = unicodedata.normalize("NFKC", remark)
    confirmations = tuple(dict.fromkeys(_CONFIRMATION.findall(text)))
    text = _CONFIRMATION.sub(" ", text)
    blue = [
        BlueReference(Number(Scheme.CODE_NO, f"{code}:{number}"), True)
        for code, number in _CODE_AND_NUMBER.findall(text)
    ]
    labelled = dict.fromkeys(_LABELLED.findall(text))
    blue += [BlueReference(Number(Scheme.DIGITAL20, number), True) for number in labelled]
    blue += [
        BlueReference(Number(Scheme.DIGITAL20, number), False)
        for number in dict.fromkeys(_BARE.findall(text))
        if number not in labelled
    ]
    return RedReference(tuple(dict.fromkeys(blue)), confirmations)


def written(reference: RedReference) -> str:
    """The reference alone, in words that :func:`parse` reads as the same one; empty where there is none."""
    said = [blue.number.value for blue in reference.blue if not blue.certain]  # first: no label may stand before them
    for blue in reference.blue:
        if blue.certain and blue.number.scheme == Scheme.CODE_NO:
            code, _, number = blue.number.value.partition(":")
            said.append(f"对应正数发票代码:{code}号码:{number}")
        elif blue.certain:
            said.append(f"被红冲蓝字数电发票号码：{blue.number.value}")
    said += [f"红字发票信息确认单编号：{number}" for number in reference.confirmations]
    return "\n".join(said)


class Judged(Protocol):
    """What is looked at of an invoice."""

    @property
    def is_red(self) -> bool: ...

    @property
    def amount_excl_tax(self) -> Decimal | None: ...

    @property
    def state(self) -> str: ...


def judge(blue: Judged, reds: Sequence[Judged]) -> tuple[str, list[Finding]]:
    """(state of the blue invoice by arithmetic, findings about it): sums find a stale state before the vendor does.

    The state is ``normal`` without reds, ``red_full`` where they take back everything, else ``red_partial``.
    """
    if blue.is_red:
        return "normal", [finding("S4", "remark")] if reds else []
    found: list[Finding] = []
    whole = blue.amount_excl_tax
    taken = sum((abs(red.amount_excl_tax) for red in reds if red.amount_excl_tax is not None), Decimal(0))
    if whole is None or not reds:
        state = "red_partial" if reds else "normal"
    elif taken > abs(whole):
        state = "red_full"
        found.append(finding("S3", "amount_excl_tax"))
    else:
        state = "red_full" if taken == abs(whole) else "red_partial"
    if _contradicts(blue.state, state):
        found.append(finding("S5", "state", f"The source says {blue.state}, its red-letter invoices say {state}."))
    return state, found


def _contradicts(stated: str, computed: str) -> bool:
    """Only what arithmetic can know: a full or partial red state against the sum; never 失控, 异常 or unknown."""
    if stated == "normal":
        return computed != "normal"
    if stated in ("red_full", "red_partial"):
        return computed not in (stated, "normal")  # the reds may not have been collected yet
    return False
