"""CLIPScore: how alike an image and a text are, as T2I-CompBench measures it."""
