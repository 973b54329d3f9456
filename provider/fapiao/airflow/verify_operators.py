"""The operator that verifies invoices (发票查验)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import override

from fapiao.airflow.account_task import AccountTask
from fapiao.errors import ConfigurationError

if TYPE_CHECKING:
    from fapiao.airflow.bench import Bench
    from fapiao.airflow.compat import XComArg
    from fapiao.airflow.lineage import Lineage
    from fapiao.collecting.outcomes import Waiting
    from fapiao.wire import Claim

__all__ = ["VerifyInvoicesOperator"]


class VerifyInvoicesOperator(AccountTask):
    """Asks the bureau about every claim that has no answer yet. The value is a summary: counts, nothing personal.

    Exactly one of ``claims``, ``csv`` and ``query`` says what is verified. A retry, a cleared task and the next run pay for no
    claim twice. The task fails when the vendor does not take a claim; that an invoice is not genuine is a result.

    :param claims: rows with the columns of a CSV file, such as ``{"number": …, "issued_on": …, "amount": …}``.
    :param csv: path of a CSV file that the worker can read.
    :param query: SQL on the database of ``into``.
    :param taxpayer_no: on whose behalf (纳税人识别号), where a row names none.
    :param layouts: kinds of layout files wanted: ``pdf``, ``ofd``, ``xml``.
    :param max_age: seconds; what was answered longer ago is asked (and paid for) again. None: never.
    :param require_genuine: fail the task also when an invoice is not genuine or differs from what is stored.
    """

    template_fields: Sequence[str] = (
        "conn_id", "into", "claims", "csv", "query", "taxpayer_no", "layouts", "max_age",
    )  # fmt: skip

    def __init__(
        self,
        *,
        claims: Sequence[Mapping[str, Any]] | XComArg | None = None,
        csv: str | None = None,
        query: str | None = None,
        taxpayer_no: str | None = None,
        layouts: Sequence[str] | str = (),
        max_age: float | str | None = None,
        require_genuine: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.claims = claims
        self.csv = csv
        self.query = query
        self.taxpayer_no = taxpayer_no
        self.layouts = layouts
        self.max_age = max_age
        self.require_genuine = require_genuine

    @override
    def work(self, bench: Bench, since: float) -> tuple[Waiting | None, Any]:
        """One pass over the claims."""
        from fapiao.collecting.verification import Verifier

        verifier = Verifier(
            bench.source,
            bench.account,
            bench.database,
            self._claims(bench),
            max_age=self._age(),
            since=since,
            driver=bench.driver,
        )
        waiting = verifier.advance()
        summary = verifier.summary()
        self.log.info(
            "%d claims, %d asked now: %s; %d refused, %d unanswered, %d differ from what is stored.",
            summary.claims, summary.asked, summary.outcomes, summary.refused, summary.unanswered, summary.different,
        )  # fmt: skip
        if waiting is None:
            verifier.verdict(require_genuine=self.require_genuine)
        return waiting, msgspec.to_builtins(summary)

    @override
    def lineage(self, bench: Bench, value: Any) -> Lineage:
        """The vendor's checks, and the table of their answers."""
        from fapiao.airflow.lineage import lineage_of

        return lineage_of(bench, (), "verification", {"fapiao_verification": value["asked"]})

    def _claims(self, bench: Bench) -> list[Claim]:
        from fapiao.collecting.claims import claims_of_csv, claims_of_query, claims_of_rows, layouts_of

        kinds = layouts_of(self.layouts.split(",") if isinstance(self.layouts, str) else self.layouts)
        # Airflow has replaced an XCom by its value when this runs.
        rows: Any = self.claims
        if sum(1 for given in (rows, self.csv, self.query) if given) != 1:
            raise ConfigurationError(
                "It must be said once what is to be verified.", advice="Give one of claims, csv and query, not empty."
            )
        taxpayer = self.taxpayer_no or None
        if self.csv:
            return claims_of_csv(Path(self.csv), taxpayer_no=taxpayer, layouts=kinds)
        if self.query:
            return claims_of_query(bench.database, self.query, taxpayer_no=taxpayer, layouts=kinds)
        return claims_of_rows(rows, where="the argument claims", taxpayer_no=taxpayer, layouts=kinds)

    def _age(self) -> float | None:
        text = str("" if self.max_age is None else self.max_age).strip()
        try:
            return float(text) if text and text != "None" else None
        except ValueError:
            raise ConfigurationError(
                f"The argument max_age {text[:40]!r} is not a number.", advice="Give seconds, or leave it out."
            ) from None
