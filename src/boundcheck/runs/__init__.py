"""Runs: the checkpoint format, loading it safely, and training."""
