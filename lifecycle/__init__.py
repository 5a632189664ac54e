"""The closed loop, decided purely: stages, handoff, service levels, responsibility, attribution.

Everything here is a function of records, events and the YAML contract. Nothing reads a clock, a
store or a vendor; `sync` carries out what is decided, through the same road as any other write.
A metric is defined here once, and nowhere in SQL.
"""
