"""Leakage audit: shared image content, non-biological predictors of the label, and marks burned into images."""
