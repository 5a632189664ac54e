"""Worlds: people to load into the sandbox, with the truth of who is who."""

from sandbox.world.world import KINDS, START, World, build_world

__all__ = ["KINDS", "START", "World", "build_world"]
