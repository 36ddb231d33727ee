"""The score and its cost: the forward process, the score model, the pair of them, Eq. 4 and its estimators."""
