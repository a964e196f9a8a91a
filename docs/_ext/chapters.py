"""How the large modules are divided into pages: by what the files of `src/tapeless` are about.

A file that is named nowhere here comes last, under "More"; within a page, each file is a section, whose title is the
first words of the file's own docstring.
"""

from __future__ import annotations

CHAPTERS: dict[str, dict[str, str]] = {
    "tapeless": {
        "Making tensors": "_tensor _creation _random_tensors _samples _windows _random",
        "Arithmetic and functions": "_ops.arithmetic _ops.pointwise _ops.special _ops.gamma _ops.bessel _ops.complex",
        "Comparing and choosing": "_ops.comparison _ops.masking _ops.queries",
        "Reducing and sorting": (
            "_ops.reduction _ops.running _ops.quantile _ops.statistics _ops.sorting _ops.searching _ops.unique"
        ),
        "Shapes": (
            "_ops.shape _ops.joining _ops.splitting _ops.strided _ops.diagonal _ops.copies _ops.copying _ops.rearrange"
        ),
        "Indexing": "_ops.indexing _ops.scatter _ops.embedding",
        "Linear algebra": (
            "_ops.matmul _ops.products _ops.einsum _ops.linear_algebra _ops.factorization _ops.lu _ops.householder "
            "_ops.least_squares _ops.spectral _ops.matrix_exp _ops.norms _lowrank _ops.distance"
        ),
        "Neural networks": (
            "_ops.activation _ops.loss _ops.margin_loss _ops.ctc _ops.convolution _ops.pooling _ops.normalization "
            "_ops.layer_norm _ops.padding _ops.recurrent _dropout _ops.grid_sample _ops.patches _ops.interpolation"
        ),
        "Signals": "_ops.spectrogram",
        "Gradients, modes and settings": (
            "_core.modes _dtypes _device _settings _kernels.threads _printing _compile amp.autocast_mode "
            "amp.grad_scaler _as_torch serialization._api tapeless"
        ),
    },
    "tapeless.nn": {
        "Modules and parameters": (
            "_module _containers _parameter _parameter_containers _uninitialized _summary parallel.data_parallel"
        ),
        "Linear layers and tables": "_linear _embedding _flatten _rearrange _linear_cross_entropy",
        "Convolution, pooling, padding": "_convolution _pooling _adaptive_pooling _padding _upsampling",
        "Activations and dropout": "_activation _softmax _dropout",
        "Normalization": "_normalization _batch_norm _instance_norm",
        "Recurrent layers": "_rnn _rnn_cells _rnn_base",
        "Attention and transformers": "_attention _transformer _transformer_layers",
        "Losses": "_loss _margin_loss _ctc_loss _adaptive_softmax _distance",
        "Lazy layers": "_lazy _lazy_convolution _lazy_norm",
    },
}
MORE = "More"

# What the titles of files would say too briefly, or too long, as a heading.
TITLES = {
    "tapeless": "Of the package itself",
    "tapeless._tensor": "The tensor",
    "tapeless._compile": "Compiling",
    "tapeless._device": "Devices",
    "tapeless._as_torch": "Programs written for PyTorch",
    "tapeless._dtypes": "Dtypes",
    "tapeless._core.modes": "Modes",
    "tapeless._core.registry": "In place",
    "tapeless.amp.autocast_mode": "Mixed precision",
    "tapeless.amp.grad_scaler": "Scaling of the loss",
    "tapeless.serialization._api": "Files",
    "tapeless._settings": "Settings",
    "tapeless._printing": "Printing",
    "tapeless._random": "Generators",
    "tapeless._ops.joining": "Joining",
    "tapeless._ops.gamma": "Gamma and error functions",
    "tapeless._ops.bessel": "Bessel functions",
    "tapeless._ops.queries": "Questions",
    "tapeless._ops.shape": "Rearranging elements",
    "tapeless._ops.copies": "Copies in place of views",
    "tapeless._ops.special": "Functions of two numbers, and special functions",
    "tapeless._ops.pointwise": "Functions of one tensor",
    "tapeless._samples": "Draws with parameters of their own",
    "tapeless._ops.patches": "Windows as columns",
    "tapeless._ops.matmul": "Matrix products",
    "tapeless._ops.products": "Products",
    "tapeless._ops.linear_algebra": "Determinants, inverses, equations",
    "tapeless._ops.lu": "LU factorization",
    "tapeless._ops.householder": "Householder reflections",
    "tapeless._ops.least_squares": "Pseudo-inverse",
    "tapeless._ops.spectral": "Singular values and eigenvalues",
    "tapeless._ops.norms": "Norms",
    "tapeless._lowrank": "Low-rank approximations",
    "tapeless._ops.margin_loss": "Losses with margins",
    "tapeless._ops.convolution": "Convolutions",
    "tapeless._ops.pooling": "Pooling",
    "tapeless._ops.normalization": "Normalization over batches and groups",
    "tapeless._ops.layer_norm": "Normalization over features",
    "tapeless._ops.recurrent": "Recurrent networks",
    "tapeless._dropout": "Dropout, and what else draws at random",
    "tapeless._ops.grid_sample": "Sampling by a grid",
    "tapeless._ops.distance": "Distances",
    "tapeless._ops.embedding": "Embedding",
    "tapeless._ops.masked": "Under a mask",
    "tapeless._ops.unique": "Unique and repeated",
    "tapeless._ops.strided": "Views by strides",
    "tapeless._ops.searching": "Searching and counting",
    "tapeless._ops.statistics": "Statistics",
    "tapeless._ops.quantile": "Order statistics",
    "tapeless._ops.scatter": "Writing by index",
    "tapeless._ops.indexing": "Reading by index",
    "tapeless._ops.interpolation": "Resizing",
    "tapeless._ops.fourier": "Fourier transforms",
    "tapeless._windows": "Windows",
    "tapeless._random_tensors": "Random tensors",
    "tapeless._creation": "From data, filled, and in ranges",
    "tapeless._kernels.threads": "Threads",
    "tapeless.nn._module": "Module",
    "tapeless.nn._parameter": "Parameters and buffers",
    "tapeless.nn._containers": "Containers",
    "tapeless.nn._parameter_containers": "Containers of parameters",
    "tapeless.nn._summary": "Summary of a model",
    "tapeless.nn._uninitialized": "Without a shape yet",
    "tapeless.nn.parallel.data_parallel": "Data parallelism",
    "tapeless.nn._embedding": "Embeddings",
    "tapeless.nn._flatten": "Reshaping",
    "tapeless.nn._rearrange": "Moving values around",
    "tapeless.nn._linear_cross_entropy": "Linear layer and cross-entropy in one",
    "tapeless.nn._convolution": "Convolutions",
    "tapeless.nn._adaptive_pooling": "Adaptive pooling",
    "tapeless.nn._upsampling": "Resizing",
    "tapeless.nn._activation": "Activations",
    "tapeless.nn._softmax": "Along a dim",
    "tapeless.nn._normalization": "Layer norm and its relatives",
    "tapeless.nn._batch_norm": "Batch normalization",
    "tapeless.nn._rnn_cells": "Single steps",
    "tapeless.nn._rnn_base": "Their base",
    "tapeless.nn._attention": "Attention",
    "tapeless.nn._transformer_layers": "Their layers",
    "tapeless.nn._margin_loss": "Losses with a margin",
    "tapeless.nn._ctc_loss": "CTC",
    "tapeless.nn._adaptive_softmax": "Adaptive softmax",
    "tapeless.nn._distance": "Distances",
    "tapeless.nn._lazy": "Linear",
    "tapeless.nn._lazy_convolution": "Convolutions",
    "tapeless.nn._lazy_norm": "Normalization",
}
