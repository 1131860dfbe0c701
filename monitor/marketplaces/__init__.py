"""Marketplaces: a picture -> the listings that a site returns for it.

`base.py` is the door: `Marketplace`, `Query`, `Page` and the registry of adapters; `fetching.py`
downloads listing pictures. `docs/adding-a-marketplace.md` shows how a new site is added.
"""
