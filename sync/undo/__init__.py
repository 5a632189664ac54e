"""Undo: from before-images back to what was, and a wrong link taken apart (law 11)."""
