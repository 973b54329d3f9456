"""How the database is reached: connections, failures, migrations, statements in bulk, key counters and sealed values."""
