"""Pairs of picture files -> their similarities, on all cores."""
