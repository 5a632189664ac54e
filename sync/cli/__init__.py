"""The command line: one module per command (see `sync.cli.main`)."""
