"""Executors: one scheduler of runs, and three ways to train them: in this process, in workers, on a Dask cluster."""
