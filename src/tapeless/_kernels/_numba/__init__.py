"""Compiled twins of NumPy kernels; nothing imports this but `_kernels.accelerated`, when Numba is installed."""
