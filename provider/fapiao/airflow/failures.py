"""fapiao's errors as Airflow's: what no retry can mend fails at once, what may pass is retried."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fapiao.airflow.compat import AirflowException, AirflowFailException
from fapiao.errors import (
    ConfigurationError,
    CredentialError,
    FapiaoError,
    IncompleteError,
    PluginError,
    QuotaExhausted,
    VendorRefused,
)

__all__ = ["as_airflow", "concerns_all", "is_final", "translated"]

_FINAL = (ConfigurationError, VendorRefused, IncompleteError, PluginError)
_CONCERNS_ALL = (ConfigurationError, QuotaExhausted, PluginError)


def is_final(error: FapiaoError) -> bool:
    """Whether no retry can mend it. An incomplete month is one: trying again by itself would start another paid job."""
    return isinstance(error, _FINAL)


def concerns_all(error: FapiaoError) -> bool:
    """Whether the other taxpayers of the same account would meet it too, so that there is no use in going on."""
    return isinstance(error, _CONCERNS_ALL)


def as_airflow(error: FapiaoError, conn_id: str | None = None) -> AirflowException:
    """The exception that makes Airflow do the right thing, with the whole sentence of the error."""
    text = str(error)
    if isinstance(error, CredentialError) and conn_id and conn_id not in text:
        text += f" The connection is {conn_id}."
    return AirflowFailException(text) if is_final(error) else AirflowException(text)


@contextmanager
def translated(conn_id: str | None = None) -> Iterator[None]:
    """Raise what happens inside as Airflow's exceptions.

    The chain is cut except for a plugin's own fault: the text says all there is to say, while an HTTP library's
    exception further down may quote a URL, and with it a token.
    """
    try:
        yield
    except PluginError as error:
        raise as_airflow(error, conn_id) from error
    except FapiaoError as error:
        raise as_airflow(error, conn_id) from None
