"""What is done with many runs, or with metrics themselves."""
