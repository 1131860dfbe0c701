"""Which reference pictures are believed."""
