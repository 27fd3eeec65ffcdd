"""Runs in trackers of experiments: what is logged, and a module per tracker that writes it."""
