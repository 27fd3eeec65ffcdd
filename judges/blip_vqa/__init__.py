"""BLIP-VQA: the judge that T2I-CompBench prescribes for attributes."""
