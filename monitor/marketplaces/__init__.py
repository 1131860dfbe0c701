"""Marketplaces: a picture -> the listings that a site returns for it.

`base.py` says what a marketplace is, `registry.py` makes one of a type's name; adapters are in
`sites/`, made from the names in `plug_in.py`, and keep the contract in `testing/`.
`docs/adding-a-marketplace.md` shows how a new site is added.
"""
