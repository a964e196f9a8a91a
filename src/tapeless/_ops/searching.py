"""Searching and counting."""
