"""Vendors' answers as they were stored, and what each was the answer to."""
