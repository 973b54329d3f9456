"""Every error fapiao raises, in one tree, by what the caller should do and whose fault it is.

::

    FapiaoError
    ├── ConfigurationError        fix the arguments, the connection or the environment; never retried
    │   ├── SourceUnavailable     the vendor plugin is missing, blocked or broken
    │   └── CredentialError       the vendor does not accept the account's credentials
    ├── VendorError               the vendor's answer, or the lack of one
    │   ├── VendorUnreachable     no answer after the allowed tries; try again later
    │   ├── OutcomeUnknown        the request may have been carried out, its answer was lost; ask, do not resend
    │   ├── VendorBusy            throttled for longer than a driver waits; come back at ``retry_at``
    │   ├── VendorBroken          an answer nobody can read: HTML, truncated, wrong shape
    │   └── VendorRefused         a final business refusal
    │       ├── RequestRefused    the request is wrong: settings, or a fault of the plugin
    │       ├── TaxpayerRefused   this taxpayer cannot be served; the others can
    │       └── QuotaExhausted    the account's paid quota is used up; stop the run
    ├── PluginError               a plugin broke the contract of ``fapiao.spec``
    ├── StoreError                the database: unreachable, not migrated, without rights
    └── IncompleteError           everything was done and something is still missing
"""

from __future__ import annotations

from enum import Enum
from typing import Any

__all__ = [
    "ConfigurationError",
    "CredentialError",
    "FapiaoError",
    "Fault",
    "IncompleteError",
    "OutcomeUnknown",
    "PluginError",
    "QuotaExhausted",
    "RequestRefused",
    "SourceUnavailable",
    "StoreError",
    "TaxpayerRefused",
    "VendorBroken",
    "VendorBusy",
    "VendorError",
    "VendorRefused",
    "VendorUnreachable",
]


class Fault(str, Enum):
    """Whose fault an error is: who has to act."""

    USER = "your configuration"
    TAXPAYER = "the taxpayer's registration or credentials at the tax bureau"
    VENDOR = "the vendor"
    BUREAU = "the tax bureau"
    NETWORK = "the network"
    PLUGIN = "the source plugin"
    DATABASE = "the database"


class FapiaoError(Exception):
    """Base of the tree. Its text says what happened, where, whose fault it is and what to do next.

    ``what`` is one sentence. ``advice`` is the next action. The context (source, taxpayer, month, slice) may be
    known only further out; :meth:`within` fills what is still missing, so the innermost knowledge wins.
    Texts never carry secrets: whoever builds one passes vendor text through ``fapiao.redaction`` first.
    """

    fault: Fault = Fault.USER
    advice: str = ""

    def __init__(
        self,
        what: str,
        *,
        source: str | None = None,
        taxpayer_no: str | None = None,
        invoice_month: str | None = None,
        slice: str | None = None,
        code: str | None = None,
        advice: str | None = None,
        fault: Fault | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.source = source
        self.taxpayer_no = taxpayer_no
        self.invoice_month = invoice_month
        self.slice = slice
        self.code = code
        if advice is not None:
            self.advice = advice
        if fault is not None:
            self.fault = fault

    def within(self, **context: Any) -> FapiaoError:
        """Fill context fields that are still unknown (``source=…``, ``taxpayer_no=…`` …) and return self."""
        for name, value in context.items():
            if value is not None and getattr(self, name) is None:
                setattr(self, name, value)
        return self

    def where(self) -> str:
        """The known context as text: ``source ekuaibao, taxpayer 99…, month 202411, slice 81 input``."""
        parts = (
            ("source", self.source),
            ("taxpayer", self.taxpayer_no),
            ("month", self.invoice_month),
            ("slice", self.slice),
            ("database code" if self.fault is Fault.DATABASE else "vendor code", self.code),
        )
        return ", ".join(f"{label} {value}" for label, value in parts if value)

    def __str__(self) -> str:
        where = self.where()
        text = self.what + (f" [{where}]" if where else "")
        text += f" At fault: {self.fault.value}."
        return f"{text} {self.advice}" if self.advice else text


class ConfigurationError(FapiaoError):
    """Wrong arguments, settings or environment, found before or without a vendor call."""


class SourceUnavailable(ConfigurationError):
    """The vendor plugin is not installed, is blocked, or could not be loaded."""

    fault = Fault.PLUGIN
    advice = "Run 'fapiao sources' to see which plugins are installed and why one is broken."


class CredentialError(ConfigurationError):
    """The vendor does not accept the account's credentials, or its token a second time in a row."""

    advice = "Check login and password of the connection with 'fapiao check' before running again."


class VendorError(FapiaoError):
    """Something the vendor answered, or did not answer."""

    fault = Fault.VENDOR


class VendorUnreachable(VendorError):
    """No answer after the allowed number of tries. Nothing was loaded from it; a rerun continues there."""

    fault = Fault.NETWORK
    advice = "Run again later: what is committed is kept and the run continues there."


class OutcomeUnknown(VendorUnreachable):
    """A request that must not be sent twice may have reached the vendor, and its answer was lost."""

    advice = "Ask for the job's state before sending it again."


class VendorBusy(VendorError):
    """The vendor throttles for longer than a driver waits (about a minute)."""

    advice = "Run again at the time named; the run continues there."

    def __init__(self, what: str, *, retry_after: float, **context: Any) -> None:
        super().__init__(what, **context)
        self.retry_after = retry_after
        """Seconds from the answer until the vendor may be asked again."""


class VendorBroken(VendorError):
    """An answer that is not what the vendor's document promises: HTML, truncated, wrong charset, wrong shape."""

    advice = "Run again later; if it stays, send the vendor the time and the excerpt."


class VendorRefused(VendorError):
    """A final business refusal. ``code`` is the vendor's own code, ``what`` carries its message."""


class RequestRefused(VendorRefused):
    """The vendor finds the request wrong: a setting of the connection, or a fault of the plugin."""

    fault = Fault.USER
    advice = "Check the connection's settings and the vendor's message; sending it again will not help."


class TaxpayerRefused(VendorRefused):
    """The vendor or the bureau refuses this taxpayer; other taxpayers are not affected. Never retried automatically."""

    fault = Fault.TAXPAYER
    advice = "Correct the taxpayer's registration at the vendor first: repeated tries can lock its bureau account."


class QuotaExhausted(VendorRefused):
    """The account's paid quota is used up or its permission ended: every further call would fail."""

    fault = Fault.USER
    advice = "Renew the vendor's package, then run again."


class PluginError(FapiaoError):
    """A plugin broke the contract: wrong type yielded or returned, a hook missing, an exception of its own."""

    fault = Fault.PLUGIN
    advice = "Report it to the plugin's author with this text."


class StoreError(FapiaoError):
    """The user's database cannot be used as it is."""

    fault = Fault.DATABASE


class IncompleteError(FapiaoError):
    """The run did all it could and the proof of completeness does not hold; the text has the numbers."""

    fault = Fault.VENDOR
    advice = (
        "See 'fapiao coverage' for the slices; collect the month again when the cause is mended. Rejected records are in "
        "fapiao_rejected with every reason; where they may stay there, let the run accept them (on_rejected)."
    )
