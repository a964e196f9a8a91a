"""Running extremes."""
