"""A run as a data set of the Hugging Face Hub: a folder of images with a table, and its upload."""
