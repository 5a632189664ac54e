"""SOQL: parsed by a grammar, compiled to closures, answered from indexes where there are some."""
