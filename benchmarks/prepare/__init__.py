"""From hospital files to suites: sections of reports, prior images, joins, checks."""
