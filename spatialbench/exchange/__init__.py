"""Other people's images, detections and results as runs."""
