"""The leakage audit: what images share, what names their label without biology, what is burned into them."""
