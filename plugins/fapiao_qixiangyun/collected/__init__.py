"""Rows of the collection interface as canonical invoices. Its codes hold for it alone: verification has others."""
