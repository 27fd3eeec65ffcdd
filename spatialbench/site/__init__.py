"""A site of any number of runs: static pages that need no server and no network."""
