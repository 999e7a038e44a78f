"""The programs people run, on public names of `tfp_dgm` only."""
