"""Lemmas that several theorems share."""
