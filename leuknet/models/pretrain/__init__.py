"""``python -m leuknet.models.pretrain``: retrain the initial weights of the narrow networks, in a checkout."""
