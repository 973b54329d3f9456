"""What the simulated 易快报 can be told to do, beyond what every simulated vendor understands."""

from __future__ import annotations

from typing import Literal

from fapiao.testing.scenario import Scenario, Where

__all__ = ["Changed", "CodeAnswer", "Drift", "EkuaibaoScenario", "Malformed", "Month", "Outcome", "Slow"]


class Outcome(Where, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the job ends for the covered slices, where not ``processed``."""

    status: Literal["failed", "failed_once", "disabled", "notSupported"]
    """``failed_once``: the first job fails, a second one is processed."""


class Slow(Where, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A slice that takes its time."""

    seconds: float
    """From the start of the job until the slice is processed (``slow``) or has a row at all (``silent``)."""


class CodeAnswer(Where, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code of the table 发票任务状态代码 instead of the answer."""

    operation: Literal["start", "status", "read"]
    code: str
    message: str = ""
    """The document's own text where empty."""
    first: int = 0
    """Only the first so many matching calls; 0 = all."""


class Drift(Where, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Paging that changes under the reader. A read of a slice begins with every request for its first page."""

    kind: Literal["grow", "shift", "repeat", "short"]
    """
    * ``grow``: pages up to ``after_page`` count and show ``rows`` invoices fewer than the pages after it
    * ``shift``: after ``after_page`` the rows have moved back by ``rows``: so many come again, the last are never shown
    * ``repeat``: the page after ``after_page`` begins with the last ``rows`` rows of the one before it, and is longer
    * ``short``: page ``after_page`` lacks its last ``rows`` rows although the count includes them
    """
    after_page: int = 1
    rows: int = 1
    always: bool = False
    """Every read, not only the first."""


class Changed(Where, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What has changed in the covered slices from a later collection on."""

    generation: int = 2
    """The first processed job of the slice that shows it; jobs count from 1."""
    red_flushed: tuple[int, ...] = ()
    """Positions of invoices that have become fully red-flushed (全额红冲)."""
    vanished: tuple[int, ...] = ()
    """Positions of invoices that are not listed any more."""
    appeared: int = 0
    """Invoices that were not there before."""


class Malformed(Where, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows that nobody can identify; a collector has to set them aside with the reason."""

    kind: Literal["masked_number", "missing_number", "number_in_exponents"]
    positions: tuple[int, ...] = (0,)


class Month(Where, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Months that were collected before the simulator began."""


class EkuaibaoScenario(Scenario, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The simulated 易快报. Without any setting it behaves as documented, quickly."""

    corp_id: str = "TESTCORP0001"
    app_key: str = "test-app-key-0001"
    app_security: str = "test-app-security-0001"

    refuse_logins: bool = False
    """Every password is wrong."""
    token_seconds: float = 7200.0
    """Life of a token."""
    token_requests: int = 0
    """Requests a token is good for; 0 = any number."""
    one_token: bool = False
    """A new login ends all older tokens."""
    expired_status: Literal[401, 403] = 403
    """What an expired or unknown token is answered with."""

    queued_seconds: float = 0.1
    """``toProcess`` so long."""
    processing_seconds: float = 0.4
    """Then ``processing`` so long."""
    silent_seconds: float = 0.0
    """No row about the new job so long after its start."""
    silent: tuple[Slow, ...] = ()
    """Slices whose rows are missing for longer."""
    stale_seconds: float = 0.0
    """The rows of the job before are shown so long after a start."""
    earlier_jobs: tuple[Month, ...] = ()
    """Slices whose rows are ``processed`` from the beginning."""
    slow: tuple[Slow, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    codes: tuple[CodeAnswer, ...] = ()
    today: str = ""
    """``yyyy-mm-dd`` in China; empty = the clock's day. Months after it are ``notSupported``."""
    too_early: bool = False
    """Before the third of a month last month is refused with 4043."""

    quirks: bool = True
    """Rows vary in the types and formats of their fields, as real ones do; False: all as in the document's examples."""
    empty_as: Literal["4000", "list", "null"] = "4000"
    """An empty slice is answered by the code 4000, by an empty list, or by a list of null."""
    page_size_cap: int = 0
    """Pages never hold more rows than this, whatever ``pageSize`` asks; 0 = as asked."""
    drifts: tuple[Drift, ...] = ()
    changes: tuple[Changed, ...] = ()
    malformed: tuple[Malformed, ...] = ()
