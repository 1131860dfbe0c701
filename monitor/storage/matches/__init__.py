"""Matches and what becomes of them."""
