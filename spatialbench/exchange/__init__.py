"""Images, detections and results of others as runs, and runs in the forms that others read."""
