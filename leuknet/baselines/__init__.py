"""The baselines of Tables 11 to 13, one file each, with a common interface.

A baseline is created from `BaselineSettings`. ``fit(cohort, train, seed)`` fits it to the images at the positions
`train`, and ``predict(cohort, test)`` returns P(leukaemia), float32, of those at `test`. All baselines are listed in
`leuknet.baselines.registry`.
"""
