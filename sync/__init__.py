"""Stages, daemon, command line and wiring: where the other rooms are put together."""
