"""Depth maps and object masks of finished pictures, for rules about in front of and behind."""
