"""eBay's Browse API."""
