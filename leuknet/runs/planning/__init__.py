"""What is to be trained, at what cost: counts, rates of this machine, and the preview before a study begins."""
