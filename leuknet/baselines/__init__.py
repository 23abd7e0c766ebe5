"""The baselines of Tables 11 to 13, one file each, behind one interface.

A baseline is made from `BaselineSettings`; ``fit(cohort, train, seed)`` learns from the images at positions `train`,
``predict(cohort, test)`` returns P(leukaemia), float32, for those at `test`. `leuknet.baselines.registry` names them
all.
"""
