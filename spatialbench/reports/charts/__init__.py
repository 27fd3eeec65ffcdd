"""Images of results as inline SVG: no plotting library, one look in light and dark pages."""
