"""Patches: unfold and fold."""
