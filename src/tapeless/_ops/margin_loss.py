"""Losses with margins, and others that compare."""
