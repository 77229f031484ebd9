"""Legal variants of the reference client: what an implementer may do otherwise without being wrong."""
