"""Seeded faults: what breaks a good server or client on purpose, and the proof that the test cases find it."""
