"""`make demo`: a YAML file becomes a serving endpoint, answers with real predictions, and is put under load."""
