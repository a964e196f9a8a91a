"""Bessel functions and orthogonal polynomials."""
