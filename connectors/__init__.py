"""One file a vendor system, on the `Connector` protocol of `mappings.ports`."""
