"""What synchronization is about, without any I/O: objects, folders, store states, policies, and the oracle."""
