"""A job: what is in a table of texts that nobody has labelled yet, by topics or by clusters."""

from tfp_dgm.topic_modelling.cluster_fitting import ClusterFit, fit_clusters
from tfp_dgm.topic_modelling.collapsed_topics import TopicCollapse, topic_collapse
from tfp_dgm.topic_modelling.metrics_of_topics import topic_metrics
from tfp_dgm.topic_modelling.number_of_topics import NumberOfTopics, choose_number_of_topics
from tfp_dgm.topic_modelling.text_topics import find_topics
from tfp_dgm.topic_modelling.topic_files import TopicsFile, clusters_of_file, topics_of_file
from tfp_dgm.topic_modelling.topic_fitting import TopicFit, fit_topics
from tfp_dgm.topic_modelling.topic_outcome import TopicOutcome
from tfp_dgm.topic_modelling.topic_prediction import predict_topics
from tfp_dgm.topic_modelling.topic_report import render_topic_report
from tfp_dgm.topic_modelling.topic_teller import TopicTeller

__all__ = [
    "ClusterFit",
    "NumberOfTopics",
    "TopicCollapse",
    "TopicFit",
    "TopicOutcome",
    "TopicTeller",
    "TopicsFile",
    "choose_number_of_topics",
    "clusters_of_file",
    "find_topics",
    "fit_clusters",
    "fit_topics",
    "predict_topics",
    "render_topic_report",
    "topic_collapse",
    "topic_metrics",
    "topics_of_file",
]
