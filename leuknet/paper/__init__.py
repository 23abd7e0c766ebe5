"""What was published, as data, and the audit of those numbers."""
