"""Figures and colours that the app, the notebooks and the viewer share."""
