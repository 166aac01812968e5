"""Batches of fits: what each fit sees, and the learners that train them."""
