"""One row a case: what happened to it."""
