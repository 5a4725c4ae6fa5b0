"""Files of records: reading tables honestly, row by row, and saying what was wrong where."""
