"""Leadloop as its users run it, killed and lied to, judged by what the vendors hold."""
