"""Rules that belong to no benchmark and can judge any run: geometry in pure numpy.

``constraints`` holds the predicates on boxes, ``object_depth`` how near an object is,
``superiority`` the probability over pixels; ``relation_checks`` applies them to the detections of
an image; ``constraint_rule`` and ``superiority_rule`` are the rules that ``score --rule`` names,
listed in ``catalogue``.
"""
