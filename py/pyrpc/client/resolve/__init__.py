"""From what the user wrote to the endpoints of nodes."""
