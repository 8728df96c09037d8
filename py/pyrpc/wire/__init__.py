"""Arrays and messages as bytes: the only part that sees generated code."""
