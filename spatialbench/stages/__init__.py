"""The three stages of a run, generate, detect and score: each does what is expected and missing."""
