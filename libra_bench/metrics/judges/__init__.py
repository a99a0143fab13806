"""Language models as metrics: what a judge is asked, what it replied, and how that becomes a score."""
