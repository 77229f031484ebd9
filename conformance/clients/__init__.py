"""Adapters to storage clients under test."""
