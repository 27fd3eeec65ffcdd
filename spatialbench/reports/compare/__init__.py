"""Two or more runs compared picture by picture."""
