"""fapiao: collects Chinese VAT invoices (发票) from vendor APIs into your own database, completely and provably."""

from fapiao.spec import hookimpl

__all__ = ["__version__", "hookimpl"]

__version__ = "0.1.0"
