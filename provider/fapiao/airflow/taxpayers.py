"""What templates, XComs and mapping make of the arguments that may be one value or a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fapiao.errors import ConfigurationError

__all__ = ["is_one", "listed", "taxpayers_of"]


def is_one(taxpayer_no: object) -> bool:
    """Whether one taxpayer is meant, not a list. Native rendering makes a number of a text of digits."""
    return isinstance(taxpayer_no, str | int)


def taxpayers_of(value: Any) -> list[str]:
    """The taxpayers of a task; Airflow has replaced an XCom by its value when this runs.

    :raises ConfigurationError: there is none.
    """
    found = [value] if is_one(value) and value != "" else list(value or ())
    if not found:
        raise ConfigurationError("The argument taxpayer_no is empty.", advice="Give one taxpayer number, or a list.")
    return found


def listed(value: str | int | Sequence[str | int] | None) -> list[str]:
    """A rendered template gives one text where a list is meant; native rendering makes a number of the code ``81``."""
    if value is None:
        return []
    return [str(value)] if isinstance(value, str | int) else [str(each) for each in value]
