"""Erasure: removing people everywhere Leadloop keeps anything, and keeping them out (law 8)."""
