"""Methods that draw pictures from prompts, and what they share: backbones and sampling."""
