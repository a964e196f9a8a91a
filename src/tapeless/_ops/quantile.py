"""Quantiles and medians."""
