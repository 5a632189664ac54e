"""Vendors that answer rubbish: payloads from a seed, a proxy that serves them, a campaign."""
