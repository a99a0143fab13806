"""Models that need older packages than ours: each in a side environment, asked through a pipe."""
