"""The published numbers as data, and an audit of their consistency."""
