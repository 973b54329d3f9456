"""What the simulated 金财数科 can be told to do, beyond what every simulated vendor understands.

Where a rule names slices, ``type`` is the list (``rzzt``), ``invoice_month`` the tax period that is asked for (``skssq``), and the
direction is always ``input``.
"""

from __future__ import annotations

from typing import Literal

from fapiao.testing.numbering import tax_number
from fapiao.testing.scenario import Scenario, Where

__all__ = ["Drift", "JcskScenario", "Malformed", "Payload", "Refusal"]


class Refusal(Where, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code other than "0000" instead of the page."""

    code: str
    message: str = "测试拒绝"
    page: int = 0
    """Only this page; 0 = every one."""
    first: int = 0
    """Only the first so many matching calls; 0 = all."""


class Payload(Where, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Content that is not what it should be, in an answer with the code "0000"."""

    kind: Literal[
        "bomb", "lying_bomb", "truncated_archive", "damaged_archive", "traversal", "encrypted", "several_entries", "many_entries",
        "not_json", "web_page", "gbk", "cut_json", "not_base64", "array", "empty",
    ]  # fmt: skip
    """
    * ``bomb``: a ZIP archive of blanks, more than 1,000 times smaller than what is in it; ``lying_bomb`` understates its size
    * ``truncated_archive``, ``damaged_archive``, ``encrypted``: what they say; ``traversal``: an entry ``../../page.json``
    * ``several_entries``: a folder and a text file before the page, which a reader must find; ``many_entries``: ten thousand files
    * ``not_json``, ``web_page``, ``gbk``, ``cut_json``, ``array``: Base64 of that; ``not_base64``: no Base64 at all
    * ``empty``: content is the empty text, as for nothing found
    """
    page: int = 0
    first: int = 0


class Drift(Where, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Paging that changes under the reader. A read begins with every request for the first page."""

    kind: Literal["grow", "shift", "short"]
    """
    * ``grow``: pages up to ``after_page`` count and show ``rows`` rows fewer than the pages after it
    * ``shift``: after ``after_page`` the rows have moved back by ``rows``: so many come again, the last are never shown
    * ``short``: page ``after_page`` lacks its last ``rows`` rows although the count includes them
    """
    after_page: int = 1
    rows: int = 1
    always: bool = False
    """Every read, not only the first."""


class Malformed(Where, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows that nobody can identify: their numbers are masked. Positions count from 0 in the list the documents begin in."""

    positions: tuple[int, ...] = (0,)


class JcskScenario(Scenario, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The simulated 金财数科. Without any setting it behaves as documented, quickly."""

    app_id: str = "test-app-id-0001"
    app_secret: str = "test-app-secret-0001"  # noqa: S105 - the simulator's own, known to everybody
    group_tax_no: str = tax_number(900)
    path: str = "/invoice/S000621"
    sign_prefix: str = "?"
    body_formats: tuple[Literal["form", "json"], ...] = ("form", "json")

    revision: Literal[1, 2] = 1
    """Which of two times it is. At the second, documents have been certified, selected, revoked, and have become abnormal or
    red: see ``JcskSimulator.changes``."""
    tax_period: str = "202411"
    """The current tax period (税款所属期)."""
    months: tuple[str, ...] = ("202410", "202411")
    """Months of issue of what is in the current lists."""
    past_periods: tuple[str, ...] = ("202401", "202403")
    """Tax periods of the list of past periods (40); their documents were issued in the month itself."""

    encoding: Literal["mime", "plain", "url_safe", "unpadded"] = "mime"
    """How Base64 is written."""
    zip_ignored: bool = False
    """``iszip`` 1 is answered without compression all the same."""
    billing: Literal["call", "row", "free", "silent"] = "call"
    """``jf_num`` is 1 for a call, or the number of rows; ``free`` says N, ``silent`` nothing."""
    quirks: bool = True
    """Rows vary in the types and forms of their fields, as real ones do; False: all as in the document's example."""
    page_size_cap: int = 0
    """Pages never hold more rows than this, whatever ``pageSize`` asks; 0 = as asked."""
    paging_ignored: bool = False
    """The grouped shape shows all rows on every page."""
    grouped_omits: int = 0
    """So many rows, the last ones, are on no page of the grouped shape; the standard shape counts and shows them."""
    unknown_family: str = "WSPZ"
    """The key of tax certificates in the grouped shape, which the document does not name."""

    refusals: tuple[Refusal, ...] = ()
    payloads: tuple[Payload, ...] = ()
    drifts: tuple[Drift, ...] = ()
    malformed: tuple[Malformed, ...] = ()
