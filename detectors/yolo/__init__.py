"""YOLO and YOLO-World through ultralytics, an extra: ``pip install "spatialbench[yolo]"``."""
