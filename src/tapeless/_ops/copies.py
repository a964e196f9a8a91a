"""Forms of view operations that copy."""
