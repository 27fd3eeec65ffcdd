"""What accuracy costs in image quality: the images of a run against a set of reference images."""
