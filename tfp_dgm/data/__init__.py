"""Files in, files out: partially annotated tables, images, and a registry of public data.

Nothing here imports TensorFlow; pandas and Arrow are imported where a table is read.
"""

from tfp_dgm.data.annotated_table import AnnotatedTable, read_annotated_table
from tfp_dgm.data.annotation_columns import AnnotationColumns
from tfp_dgm.data.atomic_directories import atomic_directory, check_output_directory
from tfp_dgm.data.atomic_file import atomic_write, check_new_file, check_output_file
from tfp_dgm.data.bracketed_trees import (
    BracketedSentence,
    BracketedTree,
    parse_bracketed_trees,
    read_bracketed_trees,
    write_bracketed_tree,
)
from tfp_dgm.data.caption_files import iter_table_pairs, read_captions, read_image_list
from tfp_dgm.data.captioned_images import CaptionedImages
from tfp_dgm.data.class_definitions import (
    ClassDefinition,
    ClassDefinitions,
    read_class_definitions,
)
from tfp_dgm.data.conllu import AnnotatedSentence, read_conllu, write_conllu
from tfp_dgm.data.data_error import DataError, shorten
from tfp_dgm.data.dataset_cache import cache_directory, fetch, is_cached
from tfp_dgm.data.digests import digest, file_digest, folder_digest
from tfp_dgm.data.folders_of_columns import column_folders
from tfp_dgm.data.free_room import check_room
from tfp_dgm.data.idx_file import read_idx
from tfp_dgm.data.image_features import ImageFeatures, read_image_features
from tfp_dgm.data.image_files import ImageFiles
from tfp_dgm.data.image_sets import binarise, checked_images, load_digits, read_images
from tfp_dgm.data.input_file import check_input_file
from tfp_dgm.data.json_file import read_json, write_json
from tfp_dgm.data.keep_results import fill_or_keep, write_or_keep
from tfp_dgm.data.label_results import (
    check_label_results,
    check_labelled_table,
    read_label_settings,
)
from tfp_dgm.data.label_sets import (
    NO_CLASSES,
    NOT,
    label_cell,
    label_list,
    quoted_class,
)
from tfp_dgm.data.labelled_table import (
    LabelledTable,
    TableChunk,
    iter_table_chunks,
    read_labelled_columns,
    read_labelled_table,
)
from tfp_dgm.data.model_directories import files_told
from tfp_dgm.data.multi_label_table import (
    MultiLabelTable,
    check_separator,
    read_multi_label_table,
)
from tfp_dgm.data.object_storage import local_folder
from tfp_dgm.data.penn_treebank import load_penn_treebank
from tfp_dgm.data.registry import DATASETS, Dataset, Wheel, find_dataset
from tfp_dgm.data.rendered_scenes import RenderedScenes, render_scenes
from tfp_dgm.data.run_folder import RunFolder
from tfp_dgm.data.run_record import differences, require_finished_run
from tfp_dgm.data.seed_words import SeedTopic, read_seed_words
from tfp_dgm.data.sentence_shards import find_shards, iter_shard, shard_kind
from tfp_dgm.data.sentences import Sentences, read_sentences
from tfp_dgm.data.shown_images import shown_image
from tfp_dgm.data.storage_urls import is_url
from tfp_dgm.data.table_reader import open_table
from tfp_dgm.data.table_texts import read_whole
from tfp_dgm.data.table_warnings import columns_alike
from tfp_dgm.data.table_writer import (
    TableWriter,
    check_new_columns,
    check_output_path,
    table_size,
    write_table,
)
from tfp_dgm.data.tag_answers import (
    ResultSentences,
    read_result_sentences,
    settings_of_results,
)
from tfp_dgm.data.tag_output import (
    check_tag_output,
    check_tag_results,
    is_tagged,
    read_tag_settings,
)
from tfp_dgm.data.tag_scheme import Span, TagScheme
from tfp_dgm.data.tagged_files.tag_results import SentenceResult, SpanResult
from tfp_dgm.data.tagged_files.tagged_formats import FORMATS as TAGGED_FORMATS
from tfp_dgm.data.tagged_files.tool_forms import TOOLS as ANNOTATION_TOOLS
from tfp_dgm.data.tagged_sentences import (
    TaggedSentences,
    TaggedWriter,
    iter_tagged_sentences,
    read_tagged_sentences,
)
from tfp_dgm.data.text_classification import TextClassificationSplit, load_text_classification
from tfp_dgm.data.topic_results import (
    TOPIC_MODELS,
    TOPIC_WORDS,
    check_cluster_results,
    check_topic_folder,
    check_topic_model,
    check_topic_table,
    check_unedited_clusters,
    check_unedited_topics,
    read_topic_settings,
)
from tfp_dgm.data.topic_table import TopicTable, read_topic_table
from tfp_dgm.data.words_of_text import WordPatterns, word_patterns, words_of
from tfp_dgm.data.write_errors import writing

__all__ = [
    "ANNOTATION_TOOLS",
    "DATASETS",
    "NOT",
    "NO_CLASSES",
    "TAGGED_FORMATS",
    "TOPIC_MODELS",
    "TOPIC_WORDS",
    "AnnotatedSentence",
    "AnnotatedTable",
    "AnnotationColumns",
    "BracketedSentence",
    "BracketedTree",
    "CaptionedImages",
    "ClassDefinition",
    "ClassDefinitions",
    "DataError",
    "Dataset",
    "ImageFeatures",
    "ImageFiles",
    "LabelledTable",
    "MultiLabelTable",
    "RenderedScenes",
    "ResultSentences",
    "RunFolder",
    "SeedTopic",
    "SentenceResult",
    "Sentences",
    "Span",
    "SpanResult",
    "TableChunk",
    "TableWriter",
    "TagScheme",
    "TaggedSentences",
    "TaggedWriter",
    "TextClassificationSplit",
    "TopicTable",
    "Wheel",
    "WordPatterns",
    "atomic_directory",
    "atomic_write",
    "binarise",
    "cache_directory",
    "check_cluster_results",
    "check_input_file",
    "check_label_results",
    "check_labelled_table",
    "check_new_columns",
    "check_new_file",
    "check_output_directory",
    "check_output_file",
    "check_output_path",
    "check_room",
    "check_separator",
    "check_tag_output",
    "check_tag_results",
    "check_topic_folder",
    "check_topic_model",
    "check_topic_table",
    "check_unedited_clusters",
    "check_unedited_topics",
    "checked_images",
    "column_folders",
    "columns_alike",
    "differences",
    "digest",
    "fetch",
    "file_digest",
    "files_told",
    "fill_or_keep",
    "find_dataset",
    "find_shards",
    "folder_digest",
    "is_cached",
    "is_tagged",
    "is_url",
    "iter_shard",
    "iter_table_chunks",
    "iter_table_pairs",
    "iter_tagged_sentences",
    "label_cell",
    "label_list",
    "load_digits",
    "load_penn_treebank",
    "load_text_classification",
    "local_folder",
    "open_table",
    "parse_bracketed_trees",
    "quoted_class",
    "read_annotated_table",
    "read_bracketed_trees",
    "read_captions",
    "read_class_definitions",
    "read_conllu",
    "read_idx",
    "read_image_features",
    "read_image_list",
    "read_images",
    "read_json",
    "read_label_settings",
    "read_labelled_columns",
    "read_labelled_table",
    "read_multi_label_table",
    "read_result_sentences",
    "read_seed_words",
    "read_sentences",
    "read_tag_settings",
    "read_tagged_sentences",
    "read_topic_settings",
    "read_topic_table",
    "read_whole",
    "render_scenes",
    "require_finished_run",
    "settings_of_results",
    "shard_kind",
    "shorten",
    "shown_image",
    "table_size",
    "word_patterns",
    "words_of",
    "write_bracketed_tree",
    "write_conllu",
    "write_json",
    "write_or_keep",
    "write_table",
    "writing",
]
