"""What the viewer asks of Python, over HTTP in the app and through the kernel in a notebook.

kernel ── server ── routes ─┬─ setup, menu               what there is to choose from
                            ├─ visits, turns             whose request it is, and when it is its turn
                            ├─ pictures, trials, rivals  what is open, and what other codecs made of it
                            ├─ replies, wishes           a frame, and what the views of the inside want with it
                            ├─ searching, points         a search and curves, line by line as they come
                            └─ export, responses         files to keep; how all this goes over HTTP

messages, constants, wire: what passes between the two, typed once; what both reckon with; how it is packed.
"""
