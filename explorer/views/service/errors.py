"""Why a request is not met; bad input apart, which is `explorer.images.InputError`."""


class Gone(KeyError):
    """The token names no picture: it was never given out, or the picture was let go of."""


class Full(Exception):
    """There is no room for what was asked for; the message is one sentence with the remedy."""


class TooSlow(Exception):
    """What was sent did not arrive in time; the message is one sentence."""


class Superseded(Exception):
    """Nobody wants this work any more, as a newer request has taken its place or the visitor has left; or it was
    stopped so that others have their turn, and what it found so far is kept for when it starts again."""
