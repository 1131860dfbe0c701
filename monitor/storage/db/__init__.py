"""The engine, its failures, and what both databases say in the same words."""
