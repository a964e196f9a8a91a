"""Determinants, inverses, solutions, norms."""
