"""Record linkage: who is who, decided purely from what records say.

`normalise` turns raw attributes into comparable ones, `blocking` names the groups in which a
match could be, `comparisons` says how far two people agree, `model` what that agreement is worth,
`linker` decides. Nothing here reads a clock, a network, a file or an id's meaning.
"""
