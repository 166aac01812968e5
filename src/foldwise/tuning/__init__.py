"""Choosing hyperparameters: a whole grid times folds is one plan."""
