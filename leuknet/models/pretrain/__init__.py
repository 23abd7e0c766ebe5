"""``python -m leuknet.models.pretrain``: train the start weights of the narrow networks again, in a checkout."""
