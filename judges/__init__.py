"""Judges that ship with the harness, installed as ``spatialbench.judges``."""
