"""Tapeless beside PyTorch, sample by sample, on the databases that PyTorch tests itself with."""
