"""A reward server for trainers: one image and its prompt in, a verdict and a reward out."""
