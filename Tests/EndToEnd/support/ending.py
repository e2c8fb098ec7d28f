"""What fixtures that make things for a test have in common: they end them."""

import contextlib


def making(make, end):
    """For fixtures: yields a function that makes things by `make`, and has `end` end all that were made, the last one first,
    whatever goes wrong."""
    with contextlib.ExitStack() as ends:

        def made(*arguments, **settings):
            thing = make(*arguments, **settings)
            ends.callback(end, thing)
            return thing

        yield made
