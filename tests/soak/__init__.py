"""The long form: figures for the laws under fault (docs/explanation/once-in-effect.md)."""
