"""Methods that draw images from prompts, and what they share: backbones and sampling."""
