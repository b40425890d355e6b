"""Reports, all rendered from the same records: one file a format, one escape a sink."""
