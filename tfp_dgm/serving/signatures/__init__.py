"""How each model of the package is served."""
