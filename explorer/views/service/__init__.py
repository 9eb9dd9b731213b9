"""What the viewer asks of Python, over HTTP in the app and through the kernel in a notebook.

routes ─┬─ pictures ── trials ── rivals        what is open, and what other codecs made of it
kernel ─┤  replies ─── wishes                  a frame, and what the views of the inside want with it
        └─ points, menu, export                curves, the models on offer, files to keep

messages, constants, wire: what passes between the two, typed once; what both reckon with; how it is packed.
"""
