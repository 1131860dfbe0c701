"""What keeps a scan from being believed, or from being made."""
