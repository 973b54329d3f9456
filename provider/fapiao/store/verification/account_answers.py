"""What checks and layout files have in common: one account's answers about single documents."""

from __future__ import annotations

from fapiao.engine.account_state import new_holder
from fapiao.invoices.withholding import Withholding
from fapiao.store.access.database import Database
from fapiao.store.documents.loading import Loader
from fapiao.store.ledger.journal import Journal

__all__ = ["AccountAnswers"]


class AccountAnswers:
    """The journal and the loader of one account's answers, and what may be kept of them."""

    def __init__(self, database: Database, source: str, account: str, kind: str) -> None:
        self._database = database
        self._loader = Loader(database)
        self._journal = Journal(database, source, account, kind)
        self._source = source
        self._account = account
        self._holder = new_holder()

    @property
    def withholding(self) -> Withholding:
        """What the database's policy leaves of personal data. See :attr:`Loader.withholding`."""
        return self._loader.withholding

    @property
    def seals_raw(self) -> bool:
        """Whether raw is encrypted before it is stored."""
        return self._loader.seals_raw
