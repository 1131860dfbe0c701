"""One file, or one folder, for each type of marketplace."""
