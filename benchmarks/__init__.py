"""What models are measured on: suites of studies, their images and references."""
