"""Checks of invoices and their layout files: what was asked, answered and paid for."""
