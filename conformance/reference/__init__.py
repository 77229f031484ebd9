"""Reference implementations of both roles: a storage server and a storage client."""
