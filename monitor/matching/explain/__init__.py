"""Why two pictures are alike, for people."""
