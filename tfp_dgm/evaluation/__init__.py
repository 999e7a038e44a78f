"""Reports on what was learnt: numbers as plain floats, arrays and dicts.

What takes a model, and the scores of captions, are imported when first asked for; the rest loads
neither TensorFlow nor sacrebleu.
"""

from typing import TYPE_CHECKING

from tfp_dgm.evaluation.agreement import cohen_kappa, fleiss_kappa, krippendorff_alpha
from tfp_dgm.evaluation.classification import (
    accepted_precision,
    accuracy,
    clopper_pearson_interval,
    coverage_precision_curve,
    expected_calibration_error,
    macro_f1,
    reliability_bins,
    wilson_interval,
)
from tfp_dgm.evaluation.finite_populations import anytime_bounds, hypergeometric_bounds
from tfp_dgm.evaluation.rationales import rationale_scores
from tfp_dgm.evaluation.rouge import longest_common_subsequence, rouge_scores
from tfp_dgm.evaluation.standard_error import mean_with_standard_error
from tfp_dgm.lazy_names import lazy_names

if TYPE_CHECKING:
    from tfp_dgm.evaluation.adversarial import adversarial_evaluation
    from tfp_dgm.evaluation.aggregated_posterior import MutualInformation, mutual_information
    from tfp_dgm.evaluation.captions import caption_metrics
    from tfp_dgm.evaluation.cider import cider_d
    from tfp_dgm.evaluation.clusterings import (
        clustering_scores,
        many_to_one_accuracy,
        one_to_one_accuracy,
        tag_induction_scores,
        v_measure,
    )
    from tfp_dgm.evaluation.discrepancies import prior_discrepancy
    from tfp_dgm.evaluation.document_likelihoods import document_log_likelihood
    from tfp_dgm.evaluation.gaps import inference_gaps
    from tfp_dgm.evaluation.importance_weights import (
        effective_sample_size,
        importance_weighted_log_likelihood,
        pareto_k,
    )
    from tfp_dgm.evaluation.parses import attachment_scores, unlabelled_f1, without_punctuation
    from tfp_dgm.evaluation.posterior import ActiveUnits, active_units, elbo_terms, kl_per_dimension
    from tfp_dgm.evaluation.report import latent_variable_report
    from tfp_dgm.evaluation.topics import (
        document_completion,
        document_completion_perplexity,
        match_topics,
        topic_c_v,
        topic_diversity,
        topic_npmi,
        topic_stability,
    )

__all__ = [
    "ActiveUnits",
    "MutualInformation",
    "accepted_precision",
    "accuracy",
    "active_units",
    "adversarial_evaluation",
    "anytime_bounds",
    "attachment_scores",
    "caption_metrics",
    "cider_d",
    "clopper_pearson_interval",
    "clustering_scores",
    "cohen_kappa",
    "coverage_precision_curve",
    "document_completion",
    "document_completion_perplexity",
    "document_log_likelihood",
    "effective_sample_size",
    "elbo_terms",
    "expected_calibration_error",
    "fleiss_kappa",
    "hypergeometric_bounds",
    "importance_weighted_log_likelihood",
    "inference_gaps",
    "kl_per_dimension",
    "krippendorff_alpha",
    "latent_variable_report",
    "longest_common_subsequence",
    "macro_f1",
    "many_to_one_accuracy",
    "match_topics",
    "mean_with_standard_error",
    "mutual_information",
    "one_to_one_accuracy",
    "pareto_k",
    "prior_discrepancy",
    "rationale_scores",
    "reliability_bins",
    "rouge_scores",
    "tag_induction_scores",
    "topic_c_v",
    "topic_diversity",
    "topic_npmi",
    "topic_stability",
    "unlabelled_f1",
    "v_measure",
    "wilson_interval",
    "without_punctuation",
]

__getattr__ = lazy_names(
    __name__,
    {
        "posterior": ("ActiveUnits", "active_units", "elbo_terms", "kl_per_dimension"),
        "aggregated_posterior": ("MutualInformation", "mutual_information"),
        "adversarial": ("adversarial_evaluation",),
        "captions": ("caption_metrics",),
        "cider": ("cider_d",),
        "importance_weights": (
            "effective_sample_size",
            "importance_weighted_log_likelihood",
            "pareto_k",
        ),
        "clusterings": (
            "clustering_scores",
            "many_to_one_accuracy",
            "one_to_one_accuracy",
            "tag_induction_scores",
            "v_measure",
        ),
        "parses": ("attachment_scores", "unlabelled_f1", "without_punctuation"),
        "discrepancies": ("prior_discrepancy",),
        "document_likelihoods": ("document_log_likelihood",),
        "gaps": ("inference_gaps",),
        "report": ("latent_variable_report",),
        "topics": (
            "document_completion",
            "document_completion_perplexity",
            "match_topics",
            "topic_c_v",
            "topic_diversity",
            "topic_npmi",
            "topic_stability",
        ),
    },
)
