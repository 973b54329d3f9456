"""What the simulated 企享云 can be told to do, beyond what every simulated vendor understands."""

from __future__ import annotations

from typing import Literal

import msgspec

from fapiao.testing.scenario import Scenario

__all__ = ["CodeAnswer", "FileTrouble", "QixiangyunScenario"]


class CodeAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code instead of the answer. Of the requests that match: the first so many, or each with a probability, or all."""

    operation: Literal["login", "verify", "result", "start", "status", "read"]
    code: str
    message: str = ""
    numbers: tuple[str, ...] = ()
    """``verify`` and ``result``: only these invoices; empty = all."""
    taxpayer_no: str = ""
    first: int = 0
    """Only the first so many matching calls; 0 = no such limit."""
    skip: int = 0
    """So many matching calls are answered as usual before that."""
    probability: float = 0.0
    """0 … 1, drawn from the scenario's seed; 0 = always."""
    in_task: bool = False
    """``status`` only: the answer is fine, but the task has failed with this ``failCode``."""


class FileTrouble(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What comes instead of a layout file, or of a file of a collection (``json``)."""

    kind: Literal["redirect", "redirect_here", "html", "oversize", "expired", "entities", "empty", "traversal"]
    """
    * ``redirect``: to ``redirect_to``; ``redirect_here``: to the file itself, at another path of this server
    * ``html``: a web page with HTTP 200; ``empty``: HTTP 200 without a body; ``expired``: HTTP 403
    * ``oversize``: ``oversize_bytes`` of the right beginning
    * ``entities``: an XML that defines entities; ``traversal``: an OFD with an entry ``../../evil``
    """
    files: tuple[str, ...] = ()
    """``pdf``, ``ofd``, ``xml``, ``json``; empty = all."""
    numbers: tuple[str, ...] = ()
    """Only these invoices' files; empty = all."""
    first: int = 0
    """Only the first so many matching fetches; 0 = all."""
    redirect_to: str = "http://169.254.169.254/latest/meta-data/"


class QixiangyunScenario(Scenario, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The simulated 企享云. Without any setting it behaves as documented, quickly."""

    app_key: str = "19999999"
    app_secret: str = "test-app-secret-0001"  # noqa: S105 - the simulator's own, known to everybody
    result_path: str = "/v2/invoice/cy/bsxzJgCx"

    token_seconds: float = 1_296_000.0
    """Life of a token."""
    token_requests: int = 0
    """Requests a token is good for; 0 = any number."""
    expires_in_seconds: bool = False
    """``expires_in`` counts seconds, as another page of the vendor says, instead of milliseconds."""
    clock_skew: float = 900.0
    """Seconds by which ``req_date`` may differ."""

    issued: int = 10_000
    """Invoices of every taxpayer, month and digital type that can be verified: those with an index below."""
    today: str = ""
    """``yyyy-mm-dd`` in China; empty = the clock's day."""
    checks_per_day: int = 5
    without_product: tuple[str, ...] = ()
    """Taxpayers for which the product is not ordered: CheckAuthorityVerification."""
    total_with_tax: Literal["never", "always", "sometimes"] = "sometimes"
    """Whether ``totalAmount`` of an answer is the price with tax, as documented, or without, as in the example."""
    plain_envelope: bool = False
    """A good answer is ``{data, success}`` only, as in the document's example."""

    layout_seconds: float = 0.3
    """A task runs so long."""
    task_days: float = 30.0
    """A task id lives so long."""
    task_ids: Literal["number", "text"] = "number"
    """``bswjxzTaskId`` of 19 digits as a JSON number, or as text."""
    direct_links: bool = False
    """The answer to the check names the files at once, without a task."""
    failed_tasks: tuple[str, ...] = ()
    """Invoices whose task fails (zt 2)."""
    file_troubles: tuple[FileTrouble, ...] = ()
    oversize_bytes: int = 80 * 1024 * 1024

    queued_seconds: float = 0.1
    processing_seconds: float = 0.3
    range_limit: int = 5000
    """More invoices in a task: 4888."""
    range_refused_at: Literal["start", "task"] = "task"
    file_over_bytes: int = 2 * 1024 * 1024
    """A list over so many bytes is replaced by a file."""
    index_over_rows: int = 0
    """A file of more rows is an index of further files (``bigDataMark``); 0 = never."""
    rows_untold: bool = False
    """Rows do not say their type and direction."""
    page_size_cap: int = 0
    """Pages never hold more rows than this, whatever is asked; 0 = as asked."""

    codes: tuple[CodeAnswer, ...] = ()
    quirks: bool = True
    """Rows vary in the types and formats of their fields, as real ones do."""
