"""A run: plan -> load -> generate -> record -> score -> show."""
