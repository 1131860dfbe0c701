"""When things are due: pure functions of instants and zones."""
