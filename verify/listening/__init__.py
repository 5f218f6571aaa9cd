"""Where a model's attention can be overheard, whatever the architecture.

The subjects are the four ways in which architectures compute attention, best first:

- :mod:`~verify.listening.interface`: by a function of the registry, which the listener replaces;
- :mod:`~verify.listening.methods`: by a method of the attention module, which it replaces too;
- :mod:`~verify.listening.caches`: in the middle of ``forward``, which hands keys and values to a
  cache first and multiplies queries with what the cache gives back;
- :mod:`~verify.listening.whole`: in some way that is not understood. The model's own whole weights
  are then read through hooks, one layer's at a time.
"""

from verify.listening.caches import Scores, replacing_forward, through_cache
from verify.listening.interface import (
    Attend,
    CaptureFailed,
    Enough,
    eager,
    has_interface,
    implementation,
    through_interface,
)
from verify.listening.methods import beside_method, has_method, through_method
from verify.listening.scores import find_scores
from verify.listening.whole import attention_weights, through_hooks

__all__ = [
    "Attend",
    "CaptureFailed",
    "Enough",
    "Scores",
    "attention_weights",
    "beside_method",
    "eager",
    "find_scores",
    "has_interface",
    "has_method",
    "implementation",
    "replacing_forward",
    "through_cache",
    "through_hooks",
    "through_interface",
    "through_method",
]
