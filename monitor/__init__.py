"""Watches online marketplaces for copies of protected pictures."""

__version__ = "0.1.0"
