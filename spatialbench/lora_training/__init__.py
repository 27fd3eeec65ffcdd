"""LoRAs from images whose relations were checked: a reconstruction of how ESPLoRA's was made.

Generate with a backbone, find the objects, keep the images whose every prompted relation passes
the geometric check, train a LoRA on those (arXiv 2504.13745; its code, data, equations and target
modules are not public).
"""
