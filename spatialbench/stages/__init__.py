"""The stages that work on images: each does what is expected and missing."""
