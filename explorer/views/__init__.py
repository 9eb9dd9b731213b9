"""Thin views of one `explorer.Session`.

app (Gradio page) ────┐
notebook (widget) ────┼── service: what the viewer asks of Python
exported page ────────┘   viewer: the one JavaScript viewer
                          figures: figures and colours that all of them share
"""
