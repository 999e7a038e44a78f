"""Every decoder of texts, with arguments that are not its defaults."""

from tfp_dgm import networks

DECODERS = {
    "lstm": (networks.LSTMDecoder, {"units": 6}),
    "lstm, two layers, skips": (
        networks.LSTMDecoder,
        {"units": 6, "num_layers": 2, "skip_connections": True, "tie_embeddings": True},
    ),
    "lstm, memory": (networks.LSTMDecoder, {"units": 6, "memory_units": 5}),
    "gru": (networks.GRUDecoder, {"units": 6, "num_layers": 2}),
    "gru, memory, skips": (
        networks.GRUDecoder,
        {"units": 6, "memory_units": 5, "skip_connections": True},
    ),
    "inputless": (networks.InputlessDecoder, {"units": 6}),
    "transformer": (networks.TransformerDecoder, {"units": 8, "num_heads": 2}),
    "transformer, memory, skips": (
        networks.TransformerDecoder,
        {"units": 8, "num_heads": 4, "memory_units": 5, "skip_connections": True},
    ),
    "convolutional": (
        networks.ConvolutionalDecoder,
        {"units": 6, "kernel_size": 2, "dilations": [1, 2]},
    ),
    "convolutional, skips": (
        networks.ConvolutionalDecoder,
        {"units": 6, "skip_connections": True, "tie_embeddings": True},
    ),
}
