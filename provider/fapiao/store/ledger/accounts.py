"""What the processes of one account share, in the database: quota reservations, permits, the encrypted token."""

from __future__ import annotations

import base64
import os
import socket
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.engine import Connection

from fapiao.engine.account_state import FreshToken, StoredToken
from fapiao.errors import ConfigurationError
from fapiao.store.access.database import Database
from fapiao.store.tables.ledger import account_buckets, account_permits, accounts
from fapiao.wire import Account, Secret

__all__ = ["SharedAccountState", "is_dead"]


class SharedAccountState:
    """The :class:`fapiao.engine.AccountState` of one account for all processes that use the same database.

    Every method is one short transaction; rivals wait for each other at the account's row. Times are epoch seconds of
    the callers' clocks.
    """

    def __init__(self, database: Database, account: Account) -> None:
        self._database = database
        self._account = account
        self._mine = {"source": account.source, "account": account.name}

    def reserve(self, bucket: str, interval: float, count: int, now: float) -> float:
        """Book ``count`` consecutive slots, ``interval`` seconds apart; returns the epoch of the first (GCRA)."""
        row = _is(account_buckets, bucket=bucket, **self._mine)
        booked = interval * count
        free = account_buckets.c.next_free
        start = sa.case((free > now, free), else_=now)

        def work(connection: Connection) -> float:
            moved = connection.execute(account_buckets.update().where(row).values(next_free=start + booked))
            if moved.rowcount == 0:
                connection.execute(account_buckets.insert().values(bucket=bucket, next_free=now + booked, **self._mine))
            end = connection.execute(sa.select(free).where(row)).scalar_one()
            return max(now, float(end) - booked)

        return self._database.transact(work)

    def take_permit(self, limit: int, holder: str, lease: float, now: float) -> int | None:
        """A free slot for ``lease`` seconds, None when ``limit`` of them are held by living holders."""
        here = _is(account_permits, **self._mine)

        def work(connection: Connection) -> int | None:
            self._lock(connection)
            held: set[int] = set()
            gone: list[int] = []
            for row in connection.execute(sa.select(account_permits).where(here)):
                if row.expires_at <= now or is_dead(row.holder):
                    gone.append(row.slot)
                else:
                    held.add(row.slot)
            if gone:
                connection.execute(account_permits.delete().where(here, account_permits.c.slot.in_(gone)))
            slot = next((slot for slot in range(limit) if slot not in held), None)
            if slot is None or len(held) >= limit:
                return None
            connection.execute(
                account_permits.insert().values(slot=slot, holder=holder, expires_at=now + lease, **self._mine)
            )
            return slot

        return self._database.transact(work)

    def give_permit(self, slot: int, holder: str) -> None:
        """Give a slot back; one that is another's by now stays."""
        row = _is(account_permits, slot=slot, holder=holder, **self._mine)
        self._database.transact(lambda connection: connection.execute(account_permits.delete().where(row)).rowcount)

    def load_token(self, now: float) -> StoredToken | None:
        """The current token; None when there is none, it has expired, or the account's secret has changed since."""
        return self._database.read(lambda connection: self._token(self._row(connection), now))

    def claim_renewal(self, failed_version: int | None, holder: str, until: float, now: float) -> bool:
        """True: the caller logs in, until ``until``. False: another one does or has done; load the token again."""

        def work(connection: Connection) -> bool:
            self._lock(connection)
            row = self._row(connection)
            token = self._token(row, now)
            if token is not None and (failed_version is None or token.version > failed_version):
                return False
            other = row.renewal_holder not in (None, holder)
            if other and row.renewal_until > now and not is_dead(row.renewal_holder):
                return False
            self._update(connection, renewal_holder=holder, renewal_until=until)
            return True

        return self._database.transact(work)

    def store_token(self, token: FreshToken, holder: str, now: float) -> StoredToken:
        """Make it the current token with the next version, and end the holder's claim.

        :raises ConfigurationError: the account has no secret to encrypt it with.
        """
        encrypted = self._cipher().encrypt(token.value.reveal().encode()).decode()

        def work(connection: Connection) -> StoredToken:
            self._lock(connection)
            row = self._row(connection)
            version = row.token_version + 1
            claim = {"renewal_holder": None, "renewal_until": None} if row.renewal_holder == holder else {}
            self._update(
                connection, token=encrypted, token_expires_at=token.expires_at, token_renew_at=token.renew_at,
                token_version=version, **claim,
            )  # fmt: skip
            return StoredToken(value=token.value, expires_at=token.expires_at, renew_at=token.renew_at, version=version)

        return self._database.transact(work)

    def _lock(self, connection: Connection) -> None:
        """Hold the account's row, made if need be, until the transaction ends."""
        row = sa.select(accounts.c.token_version).where(_is(accounts, **self._mine)).with_for_update()
        if connection.execute(row).first() is None:
            connection.execute(accounts.insert().values(token_version=0, **self._mine))

    def _row(self, connection: Connection) -> Any:
        return connection.execute(sa.select(accounts).where(_is(accounts, **self._mine))).first()

    def _update(self, connection: Connection, **values: Any) -> None:
        connection.execute(accounts.update().where(_is(accounts, **self._mine)).values(**values))

    def _token(self, row: Any, now: float) -> StoredToken | None:
        if row is None or row.token is None or row.token_expires_at <= now:
            return None
        try:
            value = self._cipher().decrypt(row.token.encode()).decode()
        except InvalidToken:
            return None  # encrypted with the account's former secret
        return StoredToken(
            value=Secret(value),
            expires_at=row.token_expires_at,
            renew_at=row.token_renew_at,
            version=row.token_version,
        )

    def _cipher(self) -> Fernet:
        secret = self._account.secret.reveal()
        if not secret:
            raise ConfigurationError(
                "the account has no secret, so its token cannot be kept encrypted.",
                source=self._account.source,
                advice="Fill in the secret of the connection.",
            )
        # The account goes into the key: a row copied to another account does not open with an equal secret.
        info = f"fapiao token {self._account.source} {self._account.name}".encode()
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret.encode())
        return Fernet(base64.urlsafe_b64encode(key))


def _is(table: sa.Table, **values: Any) -> Any:
    return sa.and_(*(table.c[name] == value for name, value in values.items()))


def is_dead(holder: str) -> bool:
    """Whether the holder (``host/pid/…``) was a process of this host that is no more. Others live until their lease ends."""
    host, _, rest = holder.partition("/")
    pid = rest.partition("/")[0]
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False  # it lives and is another user's
    return False
