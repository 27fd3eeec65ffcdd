"""Evaluating, scoring and reading runs from Python; ``spatialbench`` itself names what is stable.

The command line parses options, calls what is here, and prints.
"""
