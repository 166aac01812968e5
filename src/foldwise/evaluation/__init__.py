"""Questions to a table, written as plans and reduced from batches of fits."""
