"""Fuzzing: mutated inputs for everything that reads a file or a message, in worker processes under a watchdog.

    python -m tests.fuzz bitstreams --count 200000 --seed 1 --json checkpoints/results/fuzz.json
    python -m tests.fuzz.guided pictures --seconds 60    # atheris mutates by coverage: pip install '.[fuzz]'

A target is a module of this folder with three functions:

    corpus() -> list[bytes]             valid inputs, the same on every run
    mutated(random, corpus) -> bytes    one hostile input; the generator alone decides it
    run(data)                           accepts it by returning, refuses it by InputError, and raises Wrong where it
                                        accepted what it must not; all else that it raises is an error

    bitstreams  .mae files of every prior            pictures  all that `images.read` takes
    rows        files and journals of `evaluate`     shards    tar files of training pictures
    checkpoints models and their integers            states    of a training run that is resumed
    messages    of a widget's page to its kernel     requests  over HTTP, to every route
    broken      no target: what the watchdog is tested on

A case is named by its target, its seed and its number. Inputs that failed once lie in corpus/TARGET and are replayed by
tests/test_fuzz.py, which also makes a short run of each target.
"""
