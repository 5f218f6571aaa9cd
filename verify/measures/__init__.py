"""Measures: from attention, outputs or weights to scores per head. One module a measure.

Their parameters (and versions) are in ``catalog.schema.measures``. A measure of
:data:`RUNNING` rides along forward passes; one of :data:`WEIGHTS` reads weights and never runs the
model.
"""

from __future__ import annotations

from collections.abc import Callable

from catalog.schema.recipe import Recipe
from verify.anatomy import Anatomy
from verify.measures.ablation_effect import AblationEffectMeasure
from verify.measures.attention import AttentionMeasure
from verify.measures.attention_to_predicted import AttentionToPredictedMeasure
from verify.measures.direct_logit_attribution import DirectLogitAttributionMeasure
from verify.measures.offset_concentration import OffsetConcentrationMeasure
from verify.measures.ov_copying import ov_copying
from verify.measures.ov_mapping import ov_mapping
from verify.measures.ov_relation import ov_relation
from verify.measures.retrieval_score import RetrievalScoreMeasure
from verify.measures.running import RunningMeasure
from verify.measures.tokens import TokenUnits
from verify.statistics import Units

RUNNING: dict[str, type[RunningMeasure]] = {
    "ablation-effect": AblationEffectMeasure,
    "attention": AttentionMeasure,
    "attention-to-predicted": AttentionToPredictedMeasure,
    "direct-logit-attribution": DirectLogitAttributionMeasure,
    "offset-concentration": OffsetConcentrationMeasure,
    "retrieval-score": RetrievalScoreMeasure,
}
WEIGHTS: dict[str, Callable[[Recipe, TokenUnits, Anatomy], Units]] = {
    "ov-copying": ov_copying,
    "ov-mapping": ov_mapping,
    "ov-relation": ov_relation,
}
