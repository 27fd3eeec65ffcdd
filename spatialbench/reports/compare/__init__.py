"""Two or more runs compared image by image."""
