"""Adapters to storage servers under test."""
