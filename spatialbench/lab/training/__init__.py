"""Training of the lab's models, from pictures the lab draws itself; every part resumes."""
