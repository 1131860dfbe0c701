"""The clock, the loops, and what starts and ends them."""
