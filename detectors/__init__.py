"""Detectors behind one protocol; installed as spatialbench.detectors."""
