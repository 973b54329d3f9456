"""Every rule that can leave a finding on an invoice, as data: id, severity, one sentence.

Only what cannot be identified, or was handed over as a binary float by a plugin, is rejected: a wrong sum is a fact
about the document that the tax bureau accepted, and quarantining it would hide real money. Where that makes a severity
another one than is usual in the field, the rule says why.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from fapiao.invoices.model import Severity

__all__ = ["RULES", "Rule"]


class Rule(msgspec.Struct, frozen=True, gc=False):
    """One rule. ``sentence`` is what a finding says when the rule adds nothing of its own."""

    id: str
    severity: Severity
    sentence: str
    why: str = ""
    """Why the severity is not the one that is usual in the field."""


_I, _W, _R = Severity.INFO, Severity.WARNING, Severity.REJECT

RULES: Mapping[str, Rule] = {
    rule.id: rule
    for rule in (
        # Values (V…) as they came
        Rule(
            "V1",
            _R,
            "A binary float reached the mapping: money and numbers must be decoded exactly; the plugin's decoder is wrong.",
        ),
        Rule("V2", _W, "The value has a shape nobody can read in this field and was left empty."),
        Rule("V3", _R, "The record is not a JSON object."),
        Rule("V4", _W, "The value is not a whole number and was left empty."),
        Rule("V5", _W, "The value is neither yes nor no and was left empty."),
        Rule("V6", _R, "The plugin broke the contract."),
        Rule("V7", _W, "The code or number is longer than any of its kind and was left empty."),
        Rule("V8", _R, "The record does not fit the tables."),
        # Codes
        Rule("C1", _W, "The vendor's code is in no table: the raw code is kept, the meaning is unknown."),
        # Numbers and identity
        Rule("N0", _R, "No complete number identifies the document."),
        Rule(
            "N1",
            _R,
            "An invoice code has 10 or 12 digits.",
            "Usually a warning. The code is half of what identifies a tax-control invoice: with a damaged one it would be a "
            "second document. Beside a number of 20 digits, which identifies alone, it is a warning.",
        ),
        Rule("N2", _W, "The kind printed in the invoice code does not fit the document type."),
        Rule("N3", _R, "A tax-control invoice number has 8 digits."),
        Rule("N4", _R, "A digital invoice number has 20 digits."),
        Rule("N4Y", _W, "The year inside the digital number is not the year of issue."),
        Rule(
            "N5",
            _R,
            "A customs number has 18 digits and the suffix of its tax.",
            "Usually a warning. It is all that identifies a customs certificate: with a damaged one it would be a second "
            "document, and could be deducted twice.",
        ),
        Rule("N5L", _W, "The customs number is of another tax than value added tax, or of the old numbering."),
        Rule("N6", _W, "The document type and the kind of its number do not belong together."),
        Rule(
            "N7",
            _I,
            "A paper face of a digital invoice usually has both its code with number and its 20-digit number.",
            "Usually a warning. Of the vendors' interfaces one states both, the others one or the other: each of their "
            "records would carry it, and the document has both numbers as soon as two of them have stated it.",
        ),
        Rule("N9", _W, "The number came as an integer and was filled with leading zeros."),
        Rule("N10", _W, "The certificate number needs the payer's whole tax number to identify the document."),
        Rule("N11", _R, "Its numbers belong to different documents: loading it would make two invoices one."),
        # Tax numbers
        Rule("T2", _W, "The check digit of the tax number is wrong; it is kept as stated."),
        Rule("T3", _I, "The tax number is a citizen's number (个体工商户 or 个人)."),
        Rule("T4", _I, "The tax number has the old form of 15, 17 or 20 characters."),
        Rule("T5", _W, "The tax number has none of the known forms."),
        Rule("T6", _I, "The tax number is masked."),
        Rule("T7", _W, "A document that lets its buyer deduct tax names no buyer's tax number."),
        # Amounts, quantities and prices
        Rule(
            "A1",
            _W,
            "Amount without tax plus tax is not the amount with tax.",
            "Usually a rejection beyond 1.00. The bureau has accepted the document: set aside it would be missing from sums "
            "and from deduction, which is worse than a sum that is told to be wrong.",
        ),
        Rule("A2", _W, "The lines do not add up to the head."),
        Rule("A3", _I, "The tax is not amount times rate within what issuing software tolerates."),
        Rule("A4", _I, "Quantity times unit price is not the amount."),
        Rule("A5", _W, "The signs of the amounts contradict each other or the colour of the invoice."),
        Rule("A6", _W, "The amount has more than two decimals or is larger than any invoice."),
        Rule("A7", _W, "The valid tax is larger than the tax of the document."),
        Rule("A8", _W, "The amount cannot be read and was left empty."),
        Rule("A9", _W, "The invoice states no amount at all."),
        Rule("A10", _W, "Nothing tells whether the amount is with or without tax: it was left empty."),
        Rule(
            "Q1",
            _I,
            "The quantity or price is longer than 20 integer and 18 decimal digits: the text is kept exact, the number is not.",
        ),
        Rule("Q2", _W, "The quantity or price cannot be read; the text is kept."),
        # Rates
        Rule("R1", _W, "The tax rate is none that the law knows."),
        Rule(
            "R2",
            _I,
            "The tax rate was not in force on the day of issue.",
            "Usually a warning. Invoices for deals of before a change of rates are issued at the old rate (公告2019年第14号), "
            "so it is lawful as often as not.",
        ),
        Rule("R3", _W, "The tax rate came in the other unit (fraction, percent) than the vendor documents."),
        Rule("R4", _W, "The tax rate cannot be read; the text is kept."),
        # Dates
        Rule("D1", _W, "The date cannot be read and was left empty."),
        Rule("D2", _W, "The date is a placeholder and was left empty."),
        Rule("D3", _W, "The date of issue lies in the future and was left empty."),
        Rule("D4", _W, "The time was midnight in another time zone and was moved to the China date."),
        Rule("D5", _W, "The stated invoice month is not the month of issue."),
        Rule("D6", _W, "The document was not issued in the month that was asked for."),
        Rule("D7", _W, "The document states no date of issue."),
        # Lines and other children
        Rule("L1", _W, "The declared number of lines is not the number of lines delivered."),
        Rule("L2", _I, "The document came without lines."),
        Rule("L3", _W, "Line numbers repeat: the lines were numbered by position."),
        Rule("X1", _W, "The ticket's digital number is not the number of the document."),
        Rule("H1", _W, "A vehicle identification number has 17 characters without I, O and Q."),
        # Deduction
        Rule("K1", _W, "The document is certified although it was never selected."),
        # States and red letters
        Rule("S1", _W, "A digital invoice cannot be voided, only red-flushed."),
        Rule("S2", _I, "The red-letter invoice names no blue invoice."),
        Rule("S3", _W, "The red-letter invoices exceed the blue one."),
        Rule("S4", _W, "A red-letter invoice refers to a red-letter invoice."),
        Rule("S5", _W, "The state of the blue invoice does not fit the sum of its red-letter invoices."),
        # Several sources
        Rule("M1", _W, "Sources state different values of a field that cannot change."),
    )
}
"""Rules by id. The documentation's table is generated from this one."""
