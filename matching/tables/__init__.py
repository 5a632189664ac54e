"""Record linkage of whole tables: any columns, no labels, one fixed setting.

`roles` recognises columns, `layout` makes comparable fields of them, `frame` normalises their
values once, `kinds` says how far two values agree, `candidates` proposes pairs, `mixture` learns
what agreement is worth, `resolve` decides, `quality` scores the answer where the truth is known.
`link.match` is the way in. Nothing here reads a clock, a network or a file.
"""
