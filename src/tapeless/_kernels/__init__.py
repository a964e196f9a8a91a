"""Numerics on plain arrays that NumPy lacks: random streams, special functions, indexing and the like."""
