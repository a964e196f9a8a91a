"""The gamma family."""
