"""The first reader: statements of change alone. Kept as it was, since published numbers rest on it."""
