"""What is measured: suites of studies, their images and references."""
