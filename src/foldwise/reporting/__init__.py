"""The Summary of a study, and what is drawn and written from it."""
