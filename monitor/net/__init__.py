"""One way out: HTTP within limits of time and size, vetted addresses, downloads."""
