"""SavedModels out, checked and served."""

from tfp_dgm.models import Signature
from tfp_dgm.serving.export import Servable, export

__all__ = ["Servable", "Signature", "export"]
