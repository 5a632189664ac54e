"""What Leadloop costs: people per second, vendor calls, memory, linkage quality, start-up.

`python -m benchmarks` measures; `benchmarks.figures` turns what was measured into figures. The
whole is described in docs/benchmarks.md.
"""
