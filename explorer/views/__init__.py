"""Thin views of one `explorer.Session`: the app (server, Gradio shell), and the figures and viewer that views share."""
