"""A picture -> its fingerprints, each under a versioned algorithm name."""
