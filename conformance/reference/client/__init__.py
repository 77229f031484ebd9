"""The reference storage client: durable local storage, a transactional base, and the synchronization of 5.5.2.20."""
