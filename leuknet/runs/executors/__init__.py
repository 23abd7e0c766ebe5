"""A scheduler of runs, and three executors: in this process, in worker processes, and on a Dask cluster."""
