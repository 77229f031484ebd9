"""Servers that are broken on purpose: what each fault of the catalogue replaces in the reference server."""
