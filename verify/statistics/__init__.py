"""Statistics of a recipe run: intervals, a permutation test, a status for each head, a verdict.

Give ``summarise`` the ``Units`` of a run and the recipe's criterion; give ``recipe_verdict`` the
``Summary`` and which heads were confirmed on the second seed.
"""

from verify.statistics.summary import (
    RecipeVerdict,
    Summary,
    recipe_verdict,
    summarise,
)
from verify.statistics.units import Options, Units

__all__ = ["Options", "RecipeVerdict", "Summary", "Units", "recipe_verdict", "summarise"]
