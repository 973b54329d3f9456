"""The XML of a digital invoice (数电票, root element ``EInvoice``) as a canonical invoice.

The bureau publishes no schema. What is read here is what files agree on::

    EInvoice
      Header               EIid (the 20 digits), InherentLabel/{InIssuType, EInvoiceType, GeneralOrSpecialVAT}/{LabelCode, LabelName}
      EInvoiceData
        SellerInformation  SellerIdNum SellerName SellerAddr SellerTelNum SellerBankName SellerBankAccNum
        BuyerInformation   the same with Buyer…
        BasicInformation   TotalAmWithoutTax TotalTaxAm TotalTax-includedAmount Drawer RequestTime
        IssuItemInformation (once per line) ItemName SpecMod MeaUnits Quantity UnPrice Amount TaxRate ComTaxAm
                           TotaltaxIncludedAmount TaxClassificationCode
        SpecificInformation/PassengerTransportation (once per leg)
        AdditionalInformation/Remark
      TaxSupervisionInfo   InvoiceNumber IssueTime TaxBureauCode TaxBureauName

Everything else is kept under ``extra``, by its path. A file says nothing about the state: it is as it was issued.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fapiao.engine.encoded import DECODER, ENCODER
from fapiao.engine.withheld_answers import Answers, RawRules
from fapiao.invoices.codes import UNKNOWN
from fapiao.invoices.dates import day, moment
from fapiao.invoices.lines import line_kinds
from fapiao.invoices.model import Invoice, Level, Line, NormalizeContext, Rejected, SpecialBusiness
from fapiao.invoices.money import money, quantity
from fapiao.invoices.numbers import number
from fapiao.invoices.problems import Problems, finding
from fapiao.invoices.rates import FRACTION, head_rate, rate
from fapiao.invoices.rates import MISSING_RATE as NO_RATE
from fapiao.invoices.tax_numbers import tax_number
from fapiao.invoices.texts import identifier, is_blank, name, remark
from fapiao.layouts.safe_xml import read_xml

__all__ = ["API", "RULES", "normalize", "raw_of", "stored_raw_of", "without_personal_data"]

API = "files"
"""The interface under which observations from files are kept; see ``fapiao.invoices.folding.RANKS``."""

_TYPES = (
    ("铁路电子客票", "rail_e"),
    ("航空运输", "air_e"),
    ("增值税专用发票", "digital_special"),
    ("普通发票", "digital_ordinary"),
)
"""Words of the label → canonical type; the first that occurs."""
_TYPE_CODES = {"01": "digital_special", "02": "digital_ordinary"}
_LEG = frozenset({"Departure", "Destination", "Traveler", "ValidIDNumber", "TravelDate", "Grade", "Vehicletype"})


RULES = RawRules(
    {
        "SellerIdNum": "seller_tax_no",
        "SellerName": "seller_name",
        "SellerAddr": "contact",
        "SellerTelNum": "contact",
        "SellerBankName": "bank",
        "SellerBankAccNum": "bank",
        "BuyerIdNum": "buyer_tax_no",
        "BuyerName": "buyer_name",
        "BuyerAddr": "contact",
        "BuyerTelNum": "contact",
        "BuyerBankName": "bank",
        "BuyerBankAccNum": "bank",
        "Drawer": "drawer",
        "Payee": "payee",
        "Checker": "reviewer",
        "Reviewer": "reviewer",
        "Remark": "remark",
        "AdditionalInformation": "remark",
        "Traveler": "traveller",
        "ValidIDNumber": "traveller_id",
    },
    frozenset(
        (
            "EInvoice", "Header", "EIid", "EInvoiceTag", "Version", "InherentLabel", "InIssuType", "EInvoiceType",
            "GeneralOrSpecialVAT", "LabelCode", "LabelName", "EInvoiceData", "SellerInformation", "BuyerInformation",
            "BasicInformation", "TotalAmWithoutTax", "TotalTaxAm", "TotalTax-includedAmount", "RequestTime",
            "IssuItemInformation", "ItemName", "TaxClassificationCode", "SpecMod", "MeaUnits", "Quantity", "UnPrice", "Amount",
            "TaxRate", "ComTaxAm", "TotaltaxIncludedAmount", "SpecificInformation", "PassengerTransportation", "Departure",
            "Destination", "TravelDate", "Grade", "Vehicletype", "TaxSupervisionInfo", "InvoiceNumber", "IssueTime",
            "TaxBureauCode", "TaxBureauName",
        )
    ),
)  # fmt: skip
"""What its elements are, for the personal data policy."""


def raw_of(content: bytes) -> dict[str, Any]:
    """The file as JSON values, for :func:`normalize` and to be kept.

    :raises Refused: it is not XML that can be read safely.
    """
    root = read_xml(content)
    return {root.name: root.plain()}


def stored_raw_of(body: bytes) -> dict[str, Any]:
    """The same of a body that :func:`without_personal_data` gave to be stored.

    :raises Refused: as :func:`raw_of`.
    """
    if body[:1] == b"{":
        values: dict[str, Any] = DECODER.decode(body)
        return values
    return raw_of(body)


def without_personal_data(content: bytes, answers: Answers) -> tuple[dict[str, Any], bytes]:
    """(what the policy leaves of the file as JSON values, what may be stored of it in plain).

    The latter is the file as it is where the policy keeps all of it, else the former as JSON.

    :raises Refused: as :func:`raw_of`.
    """
    left, changed = answers.document(raw_of(content))
    return left, ENCODER.encode(left) if changed else content


def normalize(raw: Any, context: NormalizeContext) -> Invoice | Rejected:
    """The invoice that the file states. Pure; never raises. ``context`` changes nothing: a file speaks for itself."""
    root = raw.get("EInvoice") if isinstance(raw, dict) else None
    if not isinstance(root, dict):
        return Rejected(reasons=(finding("V3", "", "The XML file is not an EInvoice."),))
    problems = Problems()
    known = _Reader(root)
    seller, buyer = _party(known, "Seller", problems), _party(known, "Buyer", problems)
    lines = _lines(known, problems)
    total_rate = head_rate(NO_RATE, lines)
    amount = money(known.take("EInvoiceData", "BasicInformation", "TotalAmWithoutTax"), problems, "amount_excl_tax")
    tax = money(known.take("EInvoiceData", "BasicInformation", "TotalTaxAm"), problems, "tax_amount")
    total = money(
        known.take("EInvoiceData", "BasicInformation", "TotalTax-includedAmount"), problems, "amount_incl_tax"
    )
    doc_type, doc_type_raw = _doc_type(known, problems)
    digital = number(known.take("TaxSupervisionInfo", "InvoiceNumber"), problems, "digital_number")
    # EIid is the same number, and the only one where the supervision part is missing.
    digital = digital or number(known.take("Header", "EIid"), problems, "digital_number")
    issued_at, issued_on = _issued(known, problems)
    additional = known.take("EInvoiceData", "AdditionalInformation", "Remark")
    if additional is None and isinstance(known.look("EInvoiceData", "AdditionalInformation"), str):
        additional = known.take("EInvoiceData", "AdditionalInformation")
    is_red = any(value is not None and value < 0 for value in (total, amount))
    is_red = is_red or "红" in str(known.look("Header", "InherentLabel", "InIssuType", "LabelName") or "")
    return Invoice(
        doc_type=doc_type,
        doc_type_raw=doc_type_raw,
        digital_number=digital,
        issued_at=issued_at,
        issued_on=issued_on,
        amount_excl_tax=amount,
        tax_amount=tax,
        amount_incl_tax=total,
        tax_rate=total_rate.value,
        tax_rate_text=total_rate.text,
        tax_rate_kind=total_rate.kind,
        is_red=is_red,
        drawer=name(known.take("EInvoiceData", "BasicInformation", "Drawer"), problems, "drawer"),
        remark=remark(additional, problems, "remark"),
        level=Level.FILE,
        lines=lines,
        special_businesses=_legs(known, problems),
        extra=known.rest(),
        findings=problems.found(),
        **seller,
        **buyer,
    )


class _Reader:
    """Reads values by their path and remembers which, so that the others can be kept."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._taken: set[tuple[str, ...]] = set()

    def look(self, *path: str) -> Any:
        value: Any = self._root
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return None if is_blank(value) else value

    def take(self, *path: str) -> Any:
        self._taken.add(path)
        return self.look(*path)

    def rest(self) -> dict[str, Any] | None:
        """Everything that was not taken, as path → value."""
        kept: dict[str, Any] = {}
        self._walk(self._root, (), kept)
        return kept or None

    def _walk(self, value: Any, path: tuple[str, ...], kept: dict[str, Any]) -> None:
        if path in self._taken or is_blank(value):
            return
        if isinstance(value, dict):
            for key, inner in value.items():
                self._walk(inner, (*path, key), kept)
        else:
            kept["/".join(path)] = value


def _party(known: _Reader, side: str, problems: Problems) -> dict[str, Any]:
    prefix = side.lower()

    def take(field: str) -> Any:
        return known.take("EInvoiceData", f"{side}Information", f"{side}{field}")

    def joined(one: str, other: str, field: str) -> str | None:
        parts = [name(take(part), problems, field) for part in (one, other)]
        return " ".join(part for part in parts if part) or None

    return {
        f"{prefix}_tax_no": tax_number(take("IdNum"), problems, f"{prefix}_tax_no"),
        f"{prefix}_name": name(take("Name"), problems, f"{prefix}_name"),
        f"{prefix}_address_phone": joined("Addr", "TelNum", f"{prefix}_address_phone"),
        f"{prefix}_bank_account": joined("BankName", "BankAccNum", f"{prefix}_bank_account"),
    }


def _doc_type(known: _Reader, problems: Problems) -> tuple[str, str]:
    labels = {
        (label, part): str(known.take("Header", "InherentLabel", label, part) or "")
        for label in ("EInvoiceType", "GeneralOrSpecialVAT")
        for part in ("LabelCode", "LabelName")
    }
    code = labels["GeneralOrSpecialVAT", "LabelCode"]
    words = labels["EInvoiceType", "LabelName"] + labels["GeneralOrSpecialVAT", "LabelName"]
    raw = code or labels["EInvoiceType", "LabelCode"]
    for word, doc_type in _TYPES:
        if word in words:
            return doc_type, raw[:32]
    if code in _TYPE_CODES and not words:
        return _TYPE_CODES[code], raw[:32]
    if words or raw:
        problems.unknown_code("doc_type", raw or words)
    return UNKNOWN, raw[:32]


def _issued(known: _Reader, problems: Problems) -> tuple[Any, Any]:
    """The day of the supervision part; the time of the request where it is on that day."""
    at, on = moment(known.take("TaxSupervisionInfo", "IssueTime"), problems, "issued_at")
    asked_at, asked_on = moment(known.look("EInvoiceData", "BasicInformation", "RequestTime"), problems, "issued_at")
    if on is None:
        return asked_at, asked_on
    return (asked_at if at is None and asked_on == on else at), on


def _lines(known: _Reader, problems: Problems) -> tuple[Line, ...]:
    path = ("EInvoiceData", "IssuItemInformation")
    rows = _listed(known.take(*path))
    read: list[dict[str, Any]] = []
    for position, row in enumerate(rows):
        problems.enter("lines", position)
        count, count_text = quantity(row.get("Quantity"), problems, "quantity")
        price, price_text = quantity(row.get("UnPrice"), problems, "unit_price")
        found = rate(row.get("TaxRate") or None, problems, "tax_rate", FRACTION)
        read.append(
            {
                "line_no": position + 1,
                "item_name": name(row.get("ItemName"), problems, "item_name"),
                "tax_class_code": identifier(row.get("TaxClassificationCode"), problems, "tax_class_code"),
                "spec_model": name(row.get("SpecMod"), problems, "spec_model"),
                "unit": name(row.get("MeaUnits"), problems, "unit"),
                "quantity": count,
                "quantity_text": count_text,
                "unit_price": price,
                "unit_price_text": price_text,
                "amount_excl_tax": money(row.get("Amount"), problems, "amount_excl_tax"),
                "tax_rate": found.value,
                "tax_rate_text": found.text,
                "tax_rate_kind": found.kind,
                "tax_amount": money(row.get("ComTaxAm"), problems, "tax_amount"),
                "amount_incl_tax": money(row.get("TotaltaxIncludedAmount"), problems, "amount_incl_tax"),
                "extra": {key: row[key] for key in row if key not in _LINE_FIELDS and not is_blank(row[key])} or None,
            }
        )
    problems.leave()
    amounts = [line["amount_excl_tax"] for line in read]
    is_red = bool(amounts) and sum(amount for amount in amounts if amount is not None) < 0
    kinds = line_kinds([(line["item_name"], line["amount_excl_tax"]) for line in read], is_red)
    return tuple(Line(kind=kind, **line) for kind, line in zip(kinds, read, strict=True))


_LINE_FIELDS = frozenset(
    {
        "ItemName", "TaxClassificationCode", "SpecMod", "MeaUnits", "Quantity", "UnPrice", "Amount", "TaxRate", "ComTaxAm",
        "TotaltaxIncludedAmount",
    }
)  # fmt: skip


def _legs(known: _Reader, problems: Problems) -> tuple[SpecialBusiness, ...]:
    """旅客运输服务: who travelled when from where to where."""
    rows = _listed(known.take("EInvoiceData", "SpecificInformation", "PassengerTransportation"))
    legs: list[SpecialBusiness] = []
    for position, row in enumerate(rows):
        problems.enter("special_businesses", position)
        legs.append(
            SpecialBusiness(
                seq=position + 1,
                traveller=name(row.get("Traveler"), problems, "traveller"),
                traveller_id=identifier(row.get("ValidIDNumber"), problems, "traveller_id"),
                travel_on=day(row.get("TravelDate") or None, problems, "travel_on"),
                travel_on_text=name(row.get("TravelDate"), problems, "travel_on_text"),
                origin=name(row.get("Departure"), problems, "origin"),
                destination=name(row.get("Destination"), problems, "destination"),
                seat_class=name(row.get("Grade"), problems, "seat_class"),
                transport_type=name(row.get("Vehicletype"), problems, "transport_type"),
                extra={key: row[key] for key in row if key not in _LEG and not is_blank(row[key])} or None,
            )
        )
    problems.leave()
    return tuple(legs)


def _listed(value: Any) -> list[dict[str, Any]]:
    rows = value if isinstance(value, list) else [value]
    return [row for row in rows if isinstance(row, dict)]
