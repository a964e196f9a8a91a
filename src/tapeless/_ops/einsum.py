"""Products by subscripts."""
