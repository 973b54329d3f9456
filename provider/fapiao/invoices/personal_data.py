"""Which fields of an invoice are personal data, and what becomes of each class of them: the policy of a database.

Under the Personal Information Protection Law (个人信息保护法) one keeps what one needs and no more. What tax needs is not touched
by any policy: numbers of documents, tax numbers of companies, amounts, dates, what was sold. A company's name is not personal
data either; the name and number of a party that is a natural person are.

``fapiao.invoices.withholding`` does to an invoice what the policy says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from fapiao.errors import ConfigurationError
from fapiao.invoices.model import Customs, Invoice, Line, SpecialBusiness, Trip, Vehicle

__all__ = [
    "ACTIONS",
    "CLASSES",
    "DEFAULT",
    "EVERYTHING",
    "FIELDS",
    "PARTIES",
    "RAW_KINDS",
    "Party",
    "Policy",
    "policy_of",
]

IDENTITY, NAME, CONTACT, BANK, REMARK, PROPERTY, UNKNOWN = (
    "identity", "name", "contact", "bank", "remark", "property", "unknown"
)  # fmt: skip

CLASSES: Mapping[str, str] = {
    IDENTITY: "identity numbers (身份证号) of buyers and travellers, and a party's tax number that is made of one",
    NAME: "names of persons: drawer, payee, reviewer, travellers, and a party that is a natural person (个人)",
    CONTACT: "addresses and telephone numbers of the parties",
    BANK: "banks and account numbers of the parties",
    REMARK: "remarks (备注): free text; the numbers of invoices that a red-letter invoice refers to stay",
    PROPERTY: "what leads to an owner: vehicle, engine and plate numbers, certificates of real estate",
    UNKNOWN: "fields that a source brings and its plugin does not know (column extra): nobody knows what they hold",
}

ACTIONS: Mapping[str, str] = {
    "keep": "as the source states it",
    "mask": "a part of it, or only that there is something; cannot be undone",
    "hash": "a keyed HMAC of it: equal values stay equal, and who has not got the key cannot try them one by one",
    "drop": "nothing",
}


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of each class, one of :data:`ACTIONS`. The default keeps what tax needs and masks identity numbers."""

    identity: str = "mask"
    name: str = "keep"
    contact: str = "keep"
    bank: str = "keep"
    remark: str = "keep"
    property: str = "keep"
    unknown: str = "keep"

    def action(self, data_class: str) -> str:
        """What becomes of a class."""
        action: str = getattr(self, data_class)
        return action

    def items(self) -> list[tuple[str, str]]:
        """(class, action), in the order of :data:`CLASSES`."""
        return [(name, self.action(name)) for name in CLASSES]

    def keeps_everything(self) -> bool:
        """Whether nothing is withheld at all."""
        return all(action == "keep" for _, action in self.items())

    def needs_key(self) -> bool:
        """Whether a class is hashed."""
        return any(action == "hash" for _, action in self.items())

    def __str__(self) -> str:
        return ", ".join(f"{name}={action}" for name, action in self.items())


DEFAULT = Policy()
EVERYTHING = Policy(identity="keep")
"""Keeps all there is, as every database did before there were policies."""


def policy_of(settings: Iterable[str], base: Policy = DEFAULT) -> Policy:
    """``base`` changed by settings such as ``identity=hash``.

    :raises ConfigurationError: everything that is wrong with them, with what is allowed.
    """
    wanted: dict[str, str] = {}
    faults: list[str] = []
    for setting in settings:
        name, _, action = (part.strip() for part in setting.partition("="))
        if name not in CLASSES:
            faults.append(f"there is no class {name[:40]!r} (known: {', '.join(CLASSES)})")
        elif action not in ACTIONS:
            faults.append(f"{name} cannot be {action[:40]!r} (allowed: {', '.join(ACTIONS)})")
        elif wanted.setdefault(name, action) != action:
            faults.append(f"{name} is set twice")
    if faults:
        raise ConfigurationError(
            f"The policy is wrong: {'; '.join(faults)}.", advice="Write class=action, such as identity=hash."
        )
    return msgspec.structs.replace(base, **wanted)


FIELDS: Mapping[type[msgspec.Struct], Mapping[str, str]] = {
    Invoice: {
        "drawer": NAME,
        "payee": NAME,
        "reviewer": NAME,
        "seller_address_phone": CONTACT,
        "buyer_address_phone": CONTACT,
        "seller_bank_account": BANK,
        "buyer_bank_account": BANK,
        "remark": REMARK,
        "extra": UNKNOWN,
    },
    Line: {"extra": UNKNOWN},
    Vehicle: {
        "buyer_id_no": IDENTITY,
        "vin": PROPERTY,
        "engine_no": PROPERTY,
        "seller_address": CONTACT,
        "seller_phone": CONTACT,
        "seller_bank": BANK,
        "seller_account": BANK,
    },
    Customs: {},
    Trip: {"passenger_name": NAME, "passenger_id": IDENTITY, "extra": UNKNOWN},
    SpecialBusiness: {
        "traveller": NAME,
        "traveller_id": IDENTITY,
        "plate_no": PROPERTY,
        "property_certificate_no": PROPERTY,
        "extra": UNKNOWN,
    },
}
"""The class of every field of the canonical model that is personal data whosever it is."""


class Party(msgspec.Struct, frozen=True):
    """A party of a document: two fields that are personal data only where the party is a natural person."""

    tax_no: str
    name: str


PARTIES: Mapping[type[msgspec.Struct], tuple[Party, ...]] = {
    Invoice: (Party("seller_tax_no", "seller_name"), Party("buyer_tax_no", "buyer_name")),
    Customs: (Party("payer1_tax_no", "payer1_name"), Party("payer2_tax_no", "payer2_name")),
}


def _raw_kinds() -> dict[str, Any]:
    kinds: dict[str, Any] = {name: name for name in CLASSES}
    for fields in FIELDS.values():
        kinds |= {field: data_class for field, data_class in fields.items() if field != "extra"}
    return kinds


RAW_KINDS: Mapping[str, str] = _raw_kinds() | {
    field: field for parties in PARTIES.values() for party in parties for field in (party.tax_no, party.name)
}
"""What a plugin may declare a raw field to be (``Descriptor.personal``): a class, or the canonical field that is made of it;
kind → class. The fields of a party are kinds of their own."""
