"""Backbones: which there are, how their pipelines are loaded, sampled and decoded."""
