"""Planning of a study: number and cost of runs, throughput of this machine, and a preview before training starts."""
