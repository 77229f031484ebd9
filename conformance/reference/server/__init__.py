"""The reference storage server: a sans-I/O IMAP4rev1 engine over an in-memory store, and a loopback server around it."""
