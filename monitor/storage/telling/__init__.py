"""Alerts, their deliveries, and what holds them back."""
