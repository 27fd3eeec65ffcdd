"""A run to look at: static pages with boxes, verdicts, filters and charts."""
