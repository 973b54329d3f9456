"""Answers of customizedCheck as canonical invoices. Its codes hold for it alone: 83 is a railway ticket here."""
