"""Pictures and tables of evidence, shared by the site, the report of a profile and notebooks.

Nothing but the standard library and the schema: SVG is written as text, every string in it escaped.
"""
