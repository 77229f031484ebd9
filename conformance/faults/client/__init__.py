"""Clients that are broken on purpose: what each fault of the catalogue replaces in or around the reference client."""
