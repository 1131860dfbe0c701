"""Any interface in JSON, described in the config."""
