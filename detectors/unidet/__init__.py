"""UniDet, the detector of T2I-CompBench, in plain PyTorch."""
