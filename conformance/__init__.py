"""Conformance test suite for OMA CPM message-storage synchronization."""
