"""Coverage-guided fuzzing of what a node and a client read; see README.md."""
