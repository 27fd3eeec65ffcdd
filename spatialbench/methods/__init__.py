"""Methods that draw images from prompts."""
