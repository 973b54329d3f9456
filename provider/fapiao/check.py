"""Test the credentials of a connection: log in, and nothing else."""

from __future__ import annotations

from fapiao.engine import BlockingDriver
from fapiao.errors import ConfigurationError
from fapiao.registry import Source
from fapiao.wire import Account

__all__ = ["check_credentials"]


def check_credentials(source: Source, account: Account) -> str:
    """Log in at the vendor, without a database: quota and token are this process's own.

    :raises CredentialError: the vendor does not accept them.
    :raises VendorError: no readable answer.
    :returns: a sentence that says what was proven.
    """
    if not account.secret:
        raise ConfigurationError(f"The connection for {source.name} has no password.", source=source.name)
    if not source.has("authorize"):
        return (
            f"{source.descriptor.title}: the connection is complete. This vendor has no login: "
            "its credentials are first tried by the first call."
        )
    with BlockingDriver(source, account) as driver:
        driver.run(source.authorize(account))
    return f"{source.descriptor.title}: the account {account.name} is logged in at {account.base_url}."
