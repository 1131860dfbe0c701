"""Watches with their assets, listings with their sellers, and their pictures."""
