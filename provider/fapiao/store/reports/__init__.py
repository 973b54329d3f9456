"""What people ask the database: coverage, changes, totals, whole tables to export."""
