"""Scans and cycles, and what searches are known by."""
