"""The official open platform of 1688.com."""
