"""One run with a vendor, as steps over the ledger: a month collected, a list synchronised, invoices verified."""
