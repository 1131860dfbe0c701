"""What becomes of matches that were told."""
