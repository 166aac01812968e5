"""What a table's form says about the claim, before any model is fitted."""
