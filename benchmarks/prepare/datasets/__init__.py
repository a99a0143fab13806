"""The published data sets beyond MIMIC-CXR's own tasks, one module each: from their files to samples.

File layouts are those of the data sets' documentation. A file of another layout is refused by name: what was expected,
what was found.
"""
