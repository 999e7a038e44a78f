"""Installs the package `tfp_dgm` and its programs, `tfp_dgm_apps` (the folder `apps/`)."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+?)"', (ROOT / "tfp_dgm/__init__.py").read_text())[1]

setup(
    name="tfp-dgm",
    version=VERSION,
    description="Deep generative models of text for TensorFlow, Keras 3 and TFP",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=[*find_packages(include=["tfp_dgm", "tfp_dgm.*"]), "tfp_dgm_apps"],
    package_dir={"tfp_dgm_apps": "apps"},
    package_data={
        "tfp_dgm": [
            "*/*.html.jinja",
            "*/*/*.html.jinja",
            "reviewing/page/static/*",
            "serving/checks/*.cc",
            "serving/checks/*.txtpb",
            "py.typed",
        ]
    },
    install_requires=[
        # One minor version: their compiled parts must agree, and TFP needs tf-keras to import.
        "tensorflow>=2.21,<2.22",
        "tensorflow-text>=2.21,<2.22",
        "tensorflow-serving-api>=2.21,<2.22",
        "tf-keras>=2.21,<2.22",
        "tensorflow-probability>=0.25,<0.26",
        "keras>=3.12,<4",
        "arviz-stats>=0.8,<1",
        "grpcio>=1.70",
        "pillow>=10",
        "requests>=2.31",
        "sacrebleu>=2.4,<3",
        "numpy>=1.26",
        "scipy>=1.11",
        "scikit-learn>=1.5",
        "pandas>=2.2",
        "pyarrow>=16",
        "pyyaml>=6",
        "annotated-types>=0.7",
        "pydantic>=2.11,<3",
        "matplotlib>=3.8",
        "jinja2>=3.1",
        "rich>=13",
        "typer>=0.15",
    ],
    extras_require={
        # Curves of `dgm text-vae train`.
        "tensorboard": ["tensorboard>=2.20,<3"],
        "encoder": ["keras-hub>=0.32,<0.33", "safetensors>=0.4"],
        # The compilers that `dgm serve-check` asks.
        "aot": [
            "jax==0.10.2",
            "jax-cuda12-pjrt==0.10.2",
            "jax-cuda12-plugin==0.10.2",
            "libtpu==0.0.51",
            "nvidia-cuda-nvcc-cu12==12.9.86",
            "nvidia-nvjitlink-cu12==12.9.86",
        ],
        # The embedded server of `dgm serve`.
        "serving": [
            "grpcio-health-checking>=1.70",
            "prometheus-client>=0.20",
            "starlette>=0.40",
            "uvicorn>=0.30",
        ],
        # Large tables in shards, on many workers: `dgm predict --runner`.
        "beam": ["apache-beam>=2.77,<3"],
        "spark": ["pyspark>=4.0,<5"],
        # The page of `dgm review`.
        "review": ["starlette>=0.40", "uvicorn>=0.30"],
        "dev": [
            "build",
            "hypothesis>=6",
            "import-linter>=2.6",
            "mypy>=1.10",
            "pip-tools",
            "pytest>=8",
            "pytest-xdist>=3.5",
            "ruff>=0.6",
            "selenium>=4.20",
        ],
    },
    entry_points={"console_scripts": ["dgm = tfp_dgm_apps.cli:main"]},
)
