"""The store -> a self-contained report."""
