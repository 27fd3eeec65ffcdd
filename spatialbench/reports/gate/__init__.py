"""Does a run still do what a committed file says it did? For continuous integration."""
