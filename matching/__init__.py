"""Record linkage: who is who, decided purely from what records say.

`normalise` turns raw attributes into comparable ones, `blocking` names the groups in which a
match could be, `people` puts them into the fields of `tables`, which says how far two agree and
what that is worth, `model` keeps what was learned, `linker` decides. Nothing here reads a clock, a
network, a file or an id's meaning.
"""
