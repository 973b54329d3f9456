"""The collector that value parsers report to, so that one look at a record finds everything wrong with it."""

from __future__ import annotations

from fapiao.invoices.model import Finding, Severity
from fapiao.invoices.rules import RULES

__all__ = ["Problems", "finding"]


def finding(rule: str, field: str, message: str = "", severity: Severity | None = None) -> Finding:
    """A finding of ``rule``; its table entry supplies the sentence and the severity that are not given."""
    entry = RULES[rule]
    return Finding(rule=rule, severity=severity or entry.severity, field=field, message=message or entry.sentence)


class Problems:
    """What went wrong while one record was mapped. Parsers take it as their second argument; none of them raises.

    ::

        problems = Problems()
        amount = money(raw.get("je"), problems, "amount_excl_tax")
        for position, row in enumerate(rows):
            problems.enter("lines", position)         # findings name lines[2].tax_amount …
            tax = money(row.get("se"), problems, "tax_amount")
        problems.leave()
        return Invoice(…, findings=problems.found())

    An invoice whose findings include a rejecting one is quarantined by ``fapiao.invoices.intake`` together with all
    that is wrong with its numbers: a plugin returns ``Rejected`` itself only where there is nothing to map.
    """

    __slots__ = ("_collection", "_found", "_position")

    def __init__(self) -> None:
        self._found: list[Finding] | None = None
        self._collection: str | None = None
        self._position = 0

    def enter(self, collection: str, position: int) -> None:
        """From now on fields belong to element ``position`` (from 0) of ``collection``."""
        self._collection = collection
        self._position = position

    def leave(self) -> None:
        """From now on fields belong to the head again."""
        self._collection = None

    def add(self, rule: str, field: str, message: str = "", severity: Severity | None = None) -> None:
        """Report ``rule`` about ``field``. ``message`` must not carry personal data or secrets."""
        if self._collection is not None:
            field = f"{self._collection}[{self._position}].{field}"
        if self._found is None:
            self._found = []
        self._found.append(finding(rule, field, message, severity))

    def unknown_code(self, field: str, raw: str) -> None:
        """Report that the vendor's code ``raw`` of ``field`` is in no table (rule C1)."""
        self.add("C1", field, f"The vendor's code '{raw[:20]}' is in no table: it is kept raw, its meaning is unknown.")

    def found(self) -> tuple[Finding, ...]:
        """Everything reported so far, in order."""
        return tuple(self._found) if self._found else ()

    def __bool__(self) -> bool:
        return self._found is not None
