"""The two vendors on loopback: a HubSpot and a Salesforce that clients cannot tell from life.

Shares no code with the rest of Leadloop, so that a misreading of a vendor on one side shows.
Start it with `python -m sandbox --dir DIR`, or from code with `sandbox.server.start_process`.
"""
