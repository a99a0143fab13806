"""Who is measured: one adapter a family of models, one card a model."""
