"""Formula-driven pretraining of the narrow networks: a drawn source task, and ``python -m leuknet.models.pretrain``.

After H. Kataoka et al., "Pre-training without Natural Images", IJCV 130 (2022) 990-1007 (first at ACCV 2020): a network
learns to separate drawn patterns whose classes are formulas, and its layers then serve another task. Nothing in the
task is blood.
"""
