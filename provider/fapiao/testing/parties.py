"""The companies that appear as sellers and buyers."""

from __future__ import annotations

from functools import cache

import msgspec

from fapiao.testing.draws import Draws
from fapiao.testing.names import COMPANIES, HOSTILE_COMPANIES
from fapiao.testing.numbering import tax_number

__all__ = ["Party", "partners", "private_persons", "taxpayer"]

_FIRST_PARTNER = 90_000_000


class Party(msgspec.Struct, frozen=True):
    """One side of an invoice."""

    tax_no: str | None
    name: str
    address_phone: str | None
    bank_account: str | None
    address: str | None = None
    phone: str | None = None
    bank: str | None = None
    account: str | None = None


def _company(tax_no: str, name: str, number: int) -> Party:
    address, phone = f"虚构省样例市测试路{number % 997 + 1}号", f"000-{number % 100_000_000:08d}"
    bank, account = f"样例银行测试支行{number % 37 + 1}部", f"9900{number % 10**12:012d}"
    return Party(tax_no, name, f"{address} {phone}", f"{bank} {account}", address, phone, bank, account)


@cache
def partners() -> tuple[Party, ...]:
    """2,000 companies; every sixtieth bears a hostile name."""
    names = [
        HOSTILE_COMPANIES[place // 60 % len(HOSTILE_COMPANIES)] if place % 60 == 7 else name
        for place, name in enumerate(COMPANIES)
    ]
    return tuple(_company(tax_number(_FIRST_PARTNER + place), name, place) for place, name in enumerate(names))


@cache
def private_persons() -> tuple[Party, ...]:
    """Buyers without a tax number, as ordinary invoices (普票) name them."""
    return tuple(Party(None, f"测试旅客{number:03d}(个人)", None, None) for number in range(1, 101))


@cache
def taxpayer(tax_no: str) -> Party:
    """The taxpayer whose invoices are collected: always the same name for the same number."""
    number = Draws("party", tax_no).words(0)[0]
    return _company(tax_no, COMPANIES[number % len(COMPANIES)], number)
