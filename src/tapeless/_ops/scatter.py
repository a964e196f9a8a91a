"""Scattering and filling by index."""
