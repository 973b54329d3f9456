"""From the records of a page to documents: grouped by number, claimed, folded, written."""
