"""The HTTP face of the org, a module per family of endpoints."""
