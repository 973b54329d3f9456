"""The tables: what each column holds, its Chinese term, and its type on every database."""
