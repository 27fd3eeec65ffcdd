"""What a run is: its identity, its folder on disk, and what is done in it so far."""
