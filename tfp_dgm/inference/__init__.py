"""After training: decoding, refinement of posteriors, annealed importance sampling."""

__all__: list[str] = []
