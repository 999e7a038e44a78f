"""Whether the parts of a compressor of sentences fit."""

from tfp_dgm.models.language_model import LanguageModel
from tfp_dgm.networks import SequenceDecoder, SequenceEncoder


def check_compressor_parts(
    prior: LanguageModel,
    encoder: SequenceEncoder,
    pointer: SequenceDecoder,
    compression_encoder: SequenceEncoder,
    decoder: SequenceDecoder,
) -> None:
    """Raises unless these are what their names say, of one vocabulary, and of sizes that fit.

    Args:
      prior, encoder, pointer, compression_encoder, decoder: as of `SentenceCompressor`.
    Raises:
      TypeError: if a part is no such model, encoder or decoder.
      ValueError: if sizes do not fit.
    """
    for name, given, expected in (
        ("prior", prior, LanguageModel),
        ("encoder", encoder, SequenceEncoder),
        ("pointer", pointer, SequenceDecoder),
        ("compression_encoder", compression_encoder, SequenceEncoder),
        ("decoder", decoder, SequenceDecoder),
    ):
        if not isinstance(given, expected):
            raise TypeError(
                f"SentenceCompressor: `{name}` must be a {expected.__name__}; received {given!r}"
            )
    size = prior.decoder.vocabulary_size
    for name, part in (
        ("encoder", encoder),
        ("pointer", pointer),
        ("compression_encoder", compression_encoder),
        ("decoder", decoder),
    ):
        if part.vocabulary_size != size:
            raise ValueError(
                f"SentenceCompressor: the vocabulary of `prior` has {size} tokens, that of "
                f"`{name}` {part.vocabulary_size}"
            )
    for name, part in (("encoder", encoder), ("compression_encoder", compression_encoder)):
        if not part.return_sequences:
            raise ValueError(
                f"SentenceCompressor: `{name}` must have return_sequences=True; received False"
            )
    for name, received, units in (
        ("pointer.conditioning_units", pointer.conditioning_units, encoder.output_units),
        ("decoder.memory_units", decoder.memory_units, compression_encoder.output_units),
        ("decoder.conditioning_units", decoder.conditioning_units, 0),
    ):
        if received != units:
            raise ValueError(f"SentenceCompressor: `{name}` must be {units}; received {received}")
