"""Benchmarks: prompts, rules and published figures; installed as spatialbench.benchmarks."""
