"""Families of distributions and bijectors by which capabilities are registered.

TFP has two classes of each: of parts that are no composite tensors it makes the first, of others
the second, which is public and a subclass of the first.
"""

from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

Chain = tfb.Chain.__mro__[1]
Independent = tfd.Independent.__mro__[1]
Mixture = tfd.MixtureSameFamily.__mro__[1]
Sequential = tfd.JointDistributionSequential.__mro__[1]
Transformed = tfd.TransformedDistribution.__mro__[1]
