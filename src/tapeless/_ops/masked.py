"""Reductions under a mask."""
