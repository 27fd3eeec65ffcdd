"""Runs in the layouts of the benchmarks' own repositories, for their own scripts."""
