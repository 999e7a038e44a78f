"""After training: decoding, refinement of posteriors, annealed importance sampling."""

from tfp_dgm.inference.alignments import MeanAlignments, mean_alignments
from tfp_dgm.inference.annealing import (
    Annealed,
    annealed_importance_sampling,
    reverse_annealed_importance_sampling,
)
from tfp_dgm.inference.beams import beam_search, diverse_beam_search
from tfp_dgm.inference.counter_based import gumbel, normal, random_bits, uniform
from tfp_dgm.inference.decoding import greedy, keep_head, sample_texts
from tfp_dgm.inference.drawing import draw
from tfp_dgm.inference.imputation import impute
from tfp_dgm.inference.interpolation import (
    interpolate,
    interpolate_linearly,
    interpolate_spherically,
)
from tfp_dgm.inference.recurrent_texts import sample_recurrent_texts
from tfp_dgm.inference.refined_posteriors import RefinedPosteriors
from tfp_dgm.inference.refinement import refine_posterior
from tfp_dgm.inference.sparse_mixtures import exp_expected_log, mixture_posteriors, row_slices
from tfp_dgm.inference.step_sizes import tune_step_size
from tfp_dgm.inference.text_latents import latents_of_texts
from tfp_dgm.inference.texts_of_experts import Texts, expert_texts, score_texts, texts_of_expert

__all__ = [
    "Annealed",
    "MeanAlignments",
    "RefinedPosteriors",
    "Texts",
    "annealed_importance_sampling",
    "beam_search",
    "diverse_beam_search",
    "draw",
    "exp_expected_log",
    "expert_texts",
    "greedy",
    "gumbel",
    "impute",
    "interpolate",
    "interpolate_linearly",
    "interpolate_spherically",
    "keep_head",
    "latents_of_texts",
    "mean_alignments",
    "mixture_posteriors",
    "normal",
    "random_bits",
    "refine_posterior",
    "reverse_annealed_importance_sampling",
    "row_slices",
    "sample_recurrent_texts",
    "sample_texts",
    "score_texts",
    "texts_of_expert",
    "tune_step_size",
    "uniform",
]
