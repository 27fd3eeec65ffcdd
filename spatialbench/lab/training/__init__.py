"""Training of the lab's models, from images the lab draws itself; every part resumes."""
