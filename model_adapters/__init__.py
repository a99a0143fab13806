"""The models: one adapter per family of models, one card per model."""
