"""Coverage to look at: the same page as one file for finance, and in Airflow's own interface; a table for spreadsheets."""
