"""Files become Documents: one module a format family."""
