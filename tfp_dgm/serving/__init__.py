"""SavedModels out."""

from tfp_dgm.serving.export import Servable, export

__all__ = ["Servable", "export"]
