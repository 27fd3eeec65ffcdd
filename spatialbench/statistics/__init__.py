"""Error bars and comparisons: clustered bootstrap, paired tests, design effect."""
