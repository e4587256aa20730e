"""What the controllers share."""
