"""What any family needs while it generates: searches, stop rules, answers made of texts, memory."""
