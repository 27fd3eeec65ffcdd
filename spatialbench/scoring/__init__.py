"""From what was found in images to verdicts, metrics and the summary of a run."""
