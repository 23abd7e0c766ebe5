"""The comparison room: the systems of Tables 11 to 13, one file each, behind one interface.

A system is made from `BaselineSettings`; ``fit(cohort, train, seed)`` learns from the images at the positions `train`,
``predict(cohort, test)`` returns P(leukaemia), float32, for those at `test`. `leuknet.baselines.registry` names them
all.
"""
