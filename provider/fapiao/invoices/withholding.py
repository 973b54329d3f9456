"""Does to an invoice what a policy says: keeps, masks, hashes or drops its personal data. Pure and deterministic.

Doing it twice is doing it once, so what has been read before the policy changed, or was masked by the source itself, is as good
as fresh. Masked and hashed values count as less than a value (``fapiao.invoices.texts.is_masked``): no document conflicts with
another statement because of them, and they never replace a value that is kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from fapiao.invoices import red_letter
from fapiao.invoices.intake import Examined
from fapiao.invoices.model import Customs, Invoice, Line
from fapiao.invoices.personal_data import CLASSES, FIELDS, PARTIES, Policy
from fapiao.invoices.problems import Problems
from fapiao.invoices.tax_numbers import is_citizen, is_company, same_party
from fapiao.invoices.texts import HASHED, HIDDEN, is_blank, is_masked, plain_text
from fapiao.invoices.texts import name as clean_name

__all__ = ["Withholding", "fingerprint", "is_natural", "is_person"]

S = TypeVar("S", bound=msgspec.Struct)
Change = Callable[[Any], Any]

_SHOWN = 4
"""Characters at the end of a masked number: people tell numbers apart by them, as on every ticket."""
_SHORTEST = 7
"""Characters of a number of which the end is shown: of a shorter one it would be most."""
_NATURAL = re.compile(r"[(（﹙]\s*个人\s*[)）﹚]\s*\Z")
"""How issuing software marks a buyer that is a natural person, in a text as :func:`_cleaned` gives it."""
_WITHHELD_NUMBER = re.compile(rf"\*{{3}}|\*{{14}}.{{4}}|\*{{16}}.{{4}}|{HASHED.pattern}").fullmatch
"""A citizen's number after this module has masked or hashed it."""


def fingerprint(key: bytes) -> str:
    """What tells a key from another one and does not tell the key; 16 hexadecimal digits."""
    return hmac.new(key, b"fapiao: which key is this", hashlib.sha256).hexdigest()[:16]


class Withholding:
    """A policy ready for work. Threads may share one."""

    def __init__(self, policy: Policy, key: bytes | None = None) -> None:
        """:param key: of the HMAC.

        :raises ValueError: the policy hashes a class, and there is no key.
        """
        if policy.needs_key() and not key:
            raise ValueError("a policy that hashes needs a key")
        self.policy = policy
        self._key = key or b""
        self.is_idle = policy.keeps_everything()
        """Nothing is withheld: everything comes back as it is."""
        self._changes: dict[str, Change] = {
            name: self._change(name) for name, action in policy.items() if action != "keep"
        }
        self._fields = {
            kind: [
                (field, self._changes[name])
                for field, name in fields.items()
                if name in self._changes and name != "remark"
            ]
            for kind, fields in FIELDS.items()
        }
        self._parties = {
            kind: parties if "identity" in self._changes or "name" in self._changes else ()
            for kind, parties in PARTIES.items()
        }

    def __repr__(self) -> str:
        return f"Withholding({self.policy})"

    def value(self, data_class: str, value: Any) -> Any:
        """What is left of a value of that class; None where nothing is. Of a list or an object: of everything in it."""
        change = self._changes.get(data_class)
        return value if change is None or value is None else change(value)

    def changes(self, data_class: str) -> bool:
        """Whether the class is not kept."""
        return data_class in self._changes

    def party(self, tax_no: str | None, name: str | None, *, own: str = "", told: bool = False) -> tuple[Any, Any]:
        """(tax number, name) of a party: untouched unless it is a natural person's.

        :param own: the taxpayer who was asked for; its own number is the key to everything of it.
        :param told: something else tells that the party is a natural person.
        """
        is_numbered = tax_no is not None and is_person(tax_no)
        if not is_numbered and "name" not in self._changes:
            return tax_no, name
        if tax_no is not None and own and same_party(tax_no, own):
            return tax_no, name
        if is_numbered:
            return self.value("identity", tax_no), self.value("name", name)
        if name is not None and (told or _is_persons_name(name)):
            return tax_no, self.value("name", name)
        return tax_no, name

    def remark(self, text: str | None, *, is_red: bool) -> str | None:
        """What is left of a remark (备注). That of a red-letter invoice keeps the numbers it refers to, and only that one has
        them: 20 digits in another one may be an account's."""
        action = self.policy.remark
        if text is None or action == "keep":
            return text
        references = red_letter.written(red_letter.parse(text)) if is_red else ""
        first = text.partition("\n")[0]
        if action == "drop" or not text.strip() or text == references:
            lead = ""
        elif first == HIDDEN or action == "mask":
            lead = HIDDEN
        elif HASHED.fullmatch(first):
            lead = first
        else:
            lead = self._token("remark", text)
        return "\n".join(filter(None, (lead, references))) or None

    def invoice(self, invoice: Invoice, own: str = "") -> Invoice:
        """What is kept of an invoice. Numbers that identify it, amounts and companies stay whatever the policy is.

        :param own: the taxpayer in whose name the source was asked.
        """
        if self.is_idle:
            return invoice
        changes = self._of(invoice, own)
        if invoice.vehicle is not None:
            changes["vehicle"] = self._changed(invoice.vehicle)
        if invoice.customs is not None:
            changes["customs"] = self._changed(invoice.customs, own)
        for name in ("trips", "special_businesses"):
            if getattr(invoice, name):
                changes[name] = tuple(map(self._changed, getattr(invoice, name)))
        if self._fields[Line] and any(line.extra is not None for line in invoice.lines):
            changes["lines"] = tuple(map(self._changed, invoice.lines))
        return msgspec.structs.replace(invoice, **changes) if changes else invoice

    def examined(self, record: Examined, own: str = "") -> Examined:
        """A record with its invoice as :meth:`invoice` leaves it; its raw and its findings hold nothing of it."""
        if self.is_idle or record.invoice is None:
            return record
        kept = self.invoice(record.invoice, own)
        return record if kept is record.invoice else msgspec.structs.replace(record, invoice=kept)

    def _changed(self, part: S, own: str = "") -> S:
        changes = self._of(part, own)
        return msgspec.structs.replace(part, **changes) if changes else part

    def _of(self, part: msgspec.Struct, own: str) -> dict[str, Any]:
        """What is different from now on."""
        changes: dict[str, Any] = {}
        for field, change in self._fields[type(part)]:
            value = getattr(part, field)
            if value is not None:
                left = change(value)
                if left != value:
                    changes[field] = left
        if isinstance(part, Invoice):
            left = self.remark(part.remark, is_red=part.is_red)
            if left != part.remark:
                changes["remark"] = left
            self._parties_of(part, own, changes)
        elif isinstance(part, Customs):
            self._parties_of(part, own, changes)
        return changes

    def _parties_of(self, part: Invoice | Customs, own: str, changes: dict[str, Any]) -> None:
        for party in self._parties[type(part)]:
            number, name = getattr(part, party.tax_no), getattr(part, party.name)
            told = False
            if isinstance(part, Invoice) and party.tax_no == "buyer_tax_no":
                if part.certificate_no is not None:
                    continue  # a tax certificate (完税凭证) is identified by its payer's number
                identity = None if part.vehicle is None else part.vehicle.buyer_id_no
                told = identity is not None and is_natural(identity)
            left, called = self.party(number, name, own=own, told=told)
            if left != number:
                changes[party.tax_no] = left
            if called != name:
                changes[party.name] = called

    def _change(self, data_class: str) -> Change:
        action = self.policy.action(data_class)
        if action == "drop":
            return _drop_identity if data_class == "identity" else _nothing
        leaf = _MASKS[data_class] if action == "mask" else self._hasher(data_class)
        return lambda value: _each(value, leaf)

    def _hasher(self, data_class: str) -> Callable[[str], str]:
        mask = _MASKS[data_class]

        def hashed(text: str) -> str:
            if text == HIDDEN or HASHED.fullmatch(text):
                return text
            if data_class in ("identity", "name", "property") and is_masked(text):
                return mask(text)  # two persons may have the same masked number: equal hashes would say they are one
            if data_class == "identity" and is_company(text):
                return text
            return self._token(data_class, text)

        if data_class in ("contact", "bank"):
            # Word by word: one source states in one field what another states in two, and they are joined by a blank.
            return lambda text: " ".join(map(hashed, text.split()))
        return hashed

    def _token(self, data_class: str, text: str) -> str:
        """128 bits as letters and digits: it survives whatever plugins do to names, identifiers and tax numbers."""
        plain = plain_text(_NATURAL.sub("", _cleaned(text) if data_class == "name" else text))
        message = f"{data_class}\0{plain.upper()}".encode("utf-8", "surrogatepass")
        digest = hmac.new(self._key, message, hashlib.sha256).digest()[:16]
        return "HMAC" + base64.b32encode(digest).decode().rstrip("=")


@lru_cache(maxsize=65536)
def is_person(number: str) -> bool:
    """Whether a party's number shows that it is a natural person, also after it was masked or hashed here.

    Old numbers of 15 characters are not told from companies' ones, which tax needs: they count as companies'.
    """
    return is_citizen(number) or _WITHHELD_NUMBER(number) is not None


def is_natural(identity: str) -> bool:
    """Whether the number of a buyer (身份证号 / 组织机构代码) is not that of an organisation."""
    return not is_blank(identity) and not is_company(identity)


def _cleaned(text: str) -> str:
    """A text as mappings store it: vendors write entities and invisible characters into it."""
    return clean_name(text, Problems(), "") or text


def _is_persons_name(text: str) -> bool:
    """Whether a party's name shows that it is a natural person, also after it was hashed here: only persons' names are."""
    cleaned = _cleaned(text)
    return HASHED.fullmatch(cleaned) is not None or ("个人" in cleaned and _NATURAL.search(cleaned) is not None)


def _drop_identity(value: Any) -> Any:
    return value if isinstance(value, str) and is_company(value) else None


def _nothing(value: Any) -> None:
    return None


def _each(value: Any, leaf: Callable[[str], str]) -> Any:
    """``leaf`` of a text or a number; of a list or an object, of everything in it. What is yes, no or nothing stays."""
    if isinstance(value, str):
        return leaf(value) if value.strip() else value
    if isinstance(value, Mapping):
        return {name: _each(part, leaf) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_each(part, leaf) for part in value]
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return leaf(str(value))
    return value


def _masked_number(text: str) -> str:
    if text.count("*") >= _SHOWN or text == HIDDEN:
        return text  # the source has masked it
    if HASHED.fullmatch(text):
        return HIDDEN
    plain = plain_text(text)
    shown = plain[-_SHOWN:] if len(plain) >= _SHORTEST else ""
    return "*" * (len(plain) - len(shown)) + shown


def _masked_identity(text: str) -> str:
    return text if is_company(text) else _masked_number(text)


def _masked_name(text: str) -> str:
    """The first character, 张*; that it is a natural person stays, too."""
    if text == HIDDEN or HASHED.fullmatch(text):
        return HIDDEN
    text = _cleaned(text)
    mark = _NATURAL.search(text)
    name = (text[: mark.start()] if mark else text).strip()
    return (name[:1] or "*") + "*" + (mark[0] if mark else "")


def _hidden(text: str) -> str:
    return HIDDEN


_MASKS: Mapping[str, Callable[[str], str]] = {
    **dict.fromkeys(CLASSES, _hidden),
    "identity": _masked_identity,
    "name": _masked_name,
    "property": _masked_number,
}
