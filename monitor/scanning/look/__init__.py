"""A due scan -> its listings, matches and alerts."""
