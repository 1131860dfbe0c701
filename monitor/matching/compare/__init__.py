"""Two fingerprints -> their similarity."""
