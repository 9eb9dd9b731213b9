"""Training: a recipe and tiles -> a model.

recipe ─┬─ data ─ crops ─┐
        └─ initialise ───┴─ loop ─ objective ─ checkpoint
"""
