"""From answers and references to numbers with intervals: scoring, reference points, strata, comparison."""
