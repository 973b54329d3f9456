"""What passes between operator and trigger: plain JSON, references only. Event payloads are logged and stored in clear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fapiao import errors
from fapiao.errors import FapiaoError, Fault

__all__ = ["Failure", "Job", "Wake"]


class Job(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One taxpayer's job that a trigger watches."""

    taxpayer_no: str
    not_before: float
    """Epoch seconds; the vendor is not asked earlier."""
    job_id: str | None = None
    watch: bool = True
    """False: there is no job at the vendor yet, only the time is waited for."""


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A :class:`~fapiao.errors.FapiaoError` on its way through JSON; its text is free of secrets when it is built."""

    kind: str
    what: str
    code: str | None = None
    advice: str = ""
    fault: str = ""
    retry_after: float = 0.0

    @classmethod
    def of(cls, error: FapiaoError) -> Failure:
        return cls(
            kind=type(error).__name__,
            what=error.what,
            code=error.code,
            advice=error.advice,
            fault=error.fault.value,
            retry_after=getattr(error, "retry_after", 0.0),
        )

    def error(self) -> FapiaoError:
        """The error again; a kind that this version does not know is a plain, retryable one."""
        kind = getattr(errors, self.kind, FapiaoError) if self.kind in errors.__all__ else FapiaoError
        context: dict[str, Any] = {"code": self.code, "advice": self.advice}
        if self.fault in {fault.value for fault in Fault}:
            context["fault"] = Fault(self.fault)
        if kind is errors.VendorBusy:
            context["retry_after"] = self.retry_after
        made: FapiaoError = kind(self.what, **context)
        return made


class Wake(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a trigger ended: the payload of its one event."""

    status: str
    """``due``: look again; ``error``: a failure that concerns all; ``deadline``: the time allowed is over."""
    deadline: float
    """Epoch seconds; carried, because ``airflow dags test`` drops what an operator hands to its own continuation."""
    began: float = 0.0
    """When the task's own work began; carried likewise."""
    later: dict[str, Job] = msgspec.field(default_factory=dict)
    """Taxpayers whose job was still running when the trigger ended."""
    failed: dict[str, Failure] = msgspec.field(default_factory=dict)
    """Taxpayers that were refused for good."""
    unsure: list[str] = msgspec.field(default_factory=list)
    """Taxpayers about whose job too many looks in a row have failed: a worker is to meet the error itself."""
    failure: Failure | None = None

    def payload(self) -> dict[str, Any]:
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @classmethod
    def read(cls, payload: Mapping[str, Any] | None) -> Wake:
        """:raises ValueError: the payload is none of ours: better to fail than to guess."""
        try:
            return msgspec.convert(payload, cls)
        except msgspec.ValidationError as problem:
            raise ValueError(f"the trigger sent an event that is not understood ({problem})") from None
