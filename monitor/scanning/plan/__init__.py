"""A due watch -> its scans."""
