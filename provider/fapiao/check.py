"""Test the credentials of a connection: log in, and nothing else."""

from __future__ import annotations

from fapiao.engine import BlockingDriver
from fapiao.errors import ConfigurationError
from fapiao.registry import Source
from fapiao.spec import Capability
from fapiao.wire import Account, SyncQuery

__all__ = ["check_credentials"]


def check_credentials(source: Source, account: Account) -> str:
    """Log in at the vendor, without a database: quota and token are this process's own.

    :raises CredentialError: the vendor does not accept them.
    :raises VendorError: no readable answer.
    :returns: a sentence that says what was proven.
    """
    if not account.secret:
        raise ConfigurationError(f"The connection for {source.name} has no password.", source=source.name)
    if Capability.SYNC in source.descriptor.capabilities:
        _check_settings(source, account)
    if not source.has("authorize"):
        return (
            f"{source.descriptor.title}: the connection is complete. This vendor has no login: "
            "its credentials are first tried by the first call."
        )
    with BlockingDriver(source, account) as driver:
        driver.run(source.authorize(account))
    return f"{source.descriptor.title}: the account {account.name} is logged in at {account.base_url}."


def _check_settings(source: Source, account: Account) -> None:
    """Settings that only the plugin can judge: it does when it is asked for a list. Nothing is sent.

    :raises ConfigurationError: what is wrong with them.
    """
    faults: list[ConfigurationError] = []
    for code in source.descriptor.lists:
        try:
            source.sync_query(account, SyncQuery(taxpayer_no=_NOBODY, query=code))
        except ConfigurationError as fault:
            faults.append(fault)
        else:
            return
    if faults:
        raise faults[0]


_NOBODY = "919900000000000001"
"""Well-formed, of a region where nobody lives."""
