"""Other people's pictures, detections and results as runs."""
