"""Models that read reports for a metric: RadGraph, CheXbert, BERT encoders; where their weights are, and a cache of
what they found."""
