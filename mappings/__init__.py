"""The shared language of Leadloop: records, values, field maps, ports, errors, configuration.

Every other room may import from here; nothing here imports from another room.
"""
