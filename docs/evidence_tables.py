"""Writes the tables of evidence.md from the results of the benchmarks; `make tables` runs it.

A line of them is a claim: what is measured, the mark to reach, our figure, and whether it reaches
the mark. They are of the kind `evidence`, and have the names of groups of claims.
"""

import re
import statistics
from dataclasses import dataclass

import marked_tables
from marked_tables import DOCS, results

PAGE = DOCS / "evidence.md"


@dataclass(frozen=True)
class Figure:
    """What rows of results say, their mean and spread where there are several.

    Args:
      rows: a pattern of whole names.
      key: of the figure in a row: a number, a list of those of several runs, or a mean and a
        standard deviation over seeds.
      scale: what it is multiplied by.
      data: what the rows must be of, where they say it.
    """

    rows: str
    key: str
    scale: float = 1
    data: str | None = None

    def of(self, script: str) -> tuple[float, float | None, int]:
        """Mean, standard deviation (None of one run), and how many runs."""
        own = [
            row
            for row in results(script)
            if re.fullmatch(self.rows, row["name"]) and self.data in (None, row.get("data"))
        ]
        found = [row[self.key] for row in own if row.get(self.key) is not None]
        if not found:
            raise LookupError(f"{script}.json: no row {self.rows!r} has a figure {self.key!r}")
        if isinstance(found[0], dict):
            (only,), (row,) = found, own
            spread = only["std"]
            return (
                self.scale * only["mean"],
                None if spread is None else self.scale * spread,
                row["seeds"],
            )
        each = [value for one in found for value in (one if isinstance(one, list) else [one])]
        values = [self.scale * value for value in each]
        deviation = statistics.stdev(values) if len(values) > 1 else None
        return statistics.mean(values), deviation, len(values)


@dataclass(frozen=True)
class Claim:
    """One line.

    Args:
      what: is measured.
      script: of the benchmark.
      ours: our figure.
      mark: to reach: one that was published or is asked for, or a peer's of the same results.
      source: of the mark.
      lower: whether less is better.
      digits: behind the point.
    """

    what: str
    script: str
    ours: Figure
    mark: float | Figure
    source: str
    lower: bool = False
    digits: int = 1

    def line(self) -> list[str]:
        """Its cells."""
        value, deviation, runs = self.ours.of(self.script)
        mark = self.mark.of(self.script)[0] if isinstance(self.mark, Figure) else self.mark
        short = value - mark if self.lower else mark - value
        # What is printed alike is equal.
        short = round(short, self.digits)
        verdict = "reached" if short <= 0 else f"missed by {short:.{self.digits}f}"
        spread = "" if deviation is None else f" ± {deviation:.{self.digits}f}"
        return [
            self.what,
            f"{mark:.{self.digits}f} ({self.source})",
            f"{value:.{self.digits}f}{spread}",
            str(runs),
            verdict,
            f"[`{self.script}.py`](../benchmarks/results/{self.script}.json)",
        ]


BURDA = "Burda et al. 2016"
KINGMA = "Kingma et al. 2014"
HE = "He et al. 2018"
SAME_RUN = "the same run"


CLAIMS: dict[str, list[Claim]] = {
    "images": [
        Claim(
            f"MNIST, {name}: negative log-likelihood, nats ({epochs} epochs; published: 3,280)",
            "iwae_quality",
            Figure(re.escape(row), "nll"),
            mark,
            BURDA,
            lower=True,
            digits=2,
        )
        for name, row, epochs, mark in (
            ("VAE", "VAE K=1", "16", 86.76),
            ("VAE, the posterior's own score left out", "IWAE K=1, DReG, long", "400", 86.76),
            ("IWAE, 5 samples", "IWAE K=5", "16", 85.54),
            ("IWAE, 5 samples, doubly reparameterised", "IWAE K=5, DReG", "16", 85.54),
            ("IWAE, 5 samples, doubly reparameterised", "IWAE K=5, DReG, long", "400", 85.54),
            (
                "IWAE of two layers, 5 samples, doubly reparameterised",
                "IWAE K=5, two layers, DReG, long",
                "400",
                83.89,
            ),
            ("IWAE, 50 samples", "IWAE K=50", "16", 84.78),
            ("IWAE, 50 samples, doubly reparameterised", "IWAE K=50, DReG", "16", 84.78),
            (
                "IWAE, 50 samples, doubly reparameterised, begun with 5",
                "IWAE K=50, DReG, from K=5",
                "400 and 10",
                84.78,
            ),
        )
    ]
    + [
        Claim(
            "MNIST, sigmoid belief network by VIMCO: negative log-likelihood, nats "
            f"({epochs} epochs)",
            "iwae_quality",
            Figure(row, "nll"),
            101.9,
            "Maddison et al. 2017",
            lower=True,
            digits=2,
        )
        for row, epochs in (("SBN VIMCO m=5", 48), ("SBN VIMCO m=5, long", 300))
    ]
    + [
        Claim(
            f"MNIST, 100 labels, {name}: accuracy, %",
            "mnist_semisupervised",
            Figure(re.escape(name), "accuracies"),
            mark,
            source,
        )
        for name, mark, source in (
            ("M2", 88.0, KINGMA),
            ("M1+M2", 96.7, KINGMA),
            ("M2, convolutional classifier, self-trained", 96.7, f"M1+M2, {KINGMA}"),
        )
    ],
    "texts": [
        Claim(
            "Penn Treebank, text VAE, rate 8.1 to 10: negative log-likelihood, nats a sentence",
            "text_vae_quality",
            Figure("autoencoder pretraining, free bits by unit, long(, seed .)?", "nll_all"),
            102.10,
            "Texar's",
            lower=True,
            digits=2,
        ),
        Claim(
            "The same, beside a language model of the same size",
            "text_vae_quality",
            Figure("autoencoder pretraining, free bits by unit, long(, seed .)?", "nll_all"),
            Figure("language model, long", "nll_all"),
            SAME_RUN,
            lower=True,
            digits=2,
        ),
        *(
            Claim(
                f"Flickr8k, {experts} experts: best of the captions, CIDEr",
                "captions_quality",
                Figure(f"mixture, K = {experts}{seeds}", "oracle_cider"),
                Figure(f"K = 1, {search}{seeds}", "oracle_cider"),
                f"{source}, the same runs",
                digits=3,
            )
            for experts, search, source, seeds in (
                (3, "beam of 3", "a beam of 3", "(, seed .)?"),
                (3, "beam of 9, its best 3", "a beam of 9", ", seed ."),
                (3, "diverse beam of 9 in 3 groups", "a diverse beam of 9", ", seed ."),
                (5, "beam of 5", "a beam of 5", "(, seed .)?"),
                (5, "beam of 15, its best 5", "a beam of 15", ", seed ."),
                (5, "diverse beam of 15 in 5 groups", "a diverse beam of 15", ", seed ."),
            )
        ),
        Claim(
            "Multi30k, texts as 8 codes, by a decoder that reads no words: bound, nats a caption",
            "quantized_texts",
            Figure("hard, moving averages: .*", "bound"),
            Figure("words by their place: .*", "bound"),
            "words by their place, counted, the same run",
        ),
        *(
            Claim(
                f"Flickr8k, long captions compressed without pairs to 40 % of their words: {what}",
                "sentence_compression",
                Figure(f"unsupervised, kl_weight {weight}: .*", key),
                Figure(f"{rule}: .*", key),
                f"{rule}, the same run",
            )
            for what, weight, key, rule in (
                ("ROUGE-1, %", "1", "rouge_1", "random words"),
                ("ROUGE-1, %", "1", "rouge_1", "first words"),
                ("log p(x given c), nats", "0.1", "words_reconstruction", "rarest words"),
            )
        ),
    ],
    "particles": [
        *(
            Claim(
                f"{kind}, 160 steps, particle filter of 16: log p(x) less the bound, nats",
                "particle_bounds",
                Figure(f"{kind}, 160 steps", "fivo_16"),
                Figure(f"{kind}, 160 steps", "iwae_16"),
                "importance weights of 16 draws, the same run",
                lower=True,
            )
            for kind in ("linear Gaussian", "hidden Markov")
        ),
        Claim(
            "Captions, a latent at every token by FIVO: estimate of -log p(x), nats a word",
            "particle_bounds",
            Figure("FIVO of 4 particles: .*", "nats"),
            Figure("language model: .*", "nats"),
            "the language model, the same run",
            lower=True,
            digits=2,
        ),
    ],
    "alignments": [
        Claim(
            f"{what}, attention {kind}: nats a token",
            "latent_alignments",
            Figure(f"{pairs}, {kind}: .*", "nll"),
            Figure(f"{pairs}, soft: .*", "nll"),
            "soft attention, the same run",
            lower=True,
            digits=3,
        )
        for what, pairs in (("Made pairs", "made"), ("Captions, one from another", "captions"))
        for kind in ("exact", "enumerated", "sampled")
    ],
    "autoencoders": [
        Claim(
            f"Film reviews, {name} beside a text VAE: {what}",
            "text_autoencoders",
            Figure(f"{re.escape(name)}, seed .*", key),
            Figure("text VAE, seed .*", key),
            SAME_RUN,
            lower=True,
            digits=digits,
        )
        for name in ("WAE-MMD", "AAE", "ARAE", "VQ-VAE")
        for what, key, digits in (
            ("reconstruction, nats a word", "reconstruction", 2),
            ("reverse perplexity", "reverse perplexity", 1),
        )
    ],
    "flows": [
        Claim(
            f"MNIST, VAE of 8 latents, posterior {name}: bound, nats",
            "flows_quality",
            Figure(f"digits, {row}, seed .*", "bound"),
            Figure("digits, normal, seed .*", "bound"),
            "a diagonal Normal, the same run",
        )
        for name, row in (
            ("of planar maps", "planar"),
            ("of inverse autoregressive maps", "iaf"),
            ("of spline couplings", "spline"),
            ("of a continuous flow", "continuous"),
        )
    ],
    "rationales": [
        Claim(
            f"SST, five classes, {name}: accuracy, %",
            "rationales",
            Figure(f"{re.escape(row)}{kind}: .*", "accuracy"),
            Figure(f"full text{kind}: .*", "accuracy"),
            "the full text, the same run",
        )
        for name, row, kind in (
            ("masks by HardKumaraswamy, 40 % of the words at most", "HardKumaraswamy, 40 %", ""),
            ("binary masks by straight-through", "Bernoulli, straight-through", ""),
            ("binary masks by the score function", "Bernoulli, score function", ""),
            ("the first again, recurrent networks", "HardKumaraswamy, 40 %", ", recurrent"),
        )
    ],
    "labels": [
        *(
            Claim(
                f"English Web Treebank, {tagged} tagged sentences: accuracy of tags, %",
                "tagging_quality",
                Figure(f"ewt test {tagged} tagger draw .*", "accuracy"),
                Figure(f"ewt test {tagged} CRFsuite draw .*", "accuracy"),
                "CRFsuite, the same run",
            )
            for tagged in (50, 100, 500)
        ),
        *(
            Claim(
                f"W-NUT, {tagged} tagged sentences: F1 of entities, %",
                "tagging_quality",
                Figure(f"wnut test {tagged} tagger draw .*", "F1"),
                asked,
                "asked",
            )
            for tagged, asked in (("500", 15.0), ("all", 25.0))
        ),
        *(
            Claim(
                f"Truths of several annotators, {name}: accuracy, %",
                "annotators",
                Figure(f"{name}, tfp_dgm, {how}", "truths", 100),
                Figure(f"{name}, crowd-kit, Dawid-Skene", "truths", 100),
                "crowd-kit's Dawid and Skene, the same run",
            )
            for name, how in (
                ("rte", "answers alone"),
                ("web", "answers alone"),
                ("polarity", "answers and texts"),
            )
        ),
    ],
    "structure": [
        *(
            Claim(
                f"WSJ sample, tags of a {name}: many-to-one accuracy, %",
                "induction_quality",
                Figure(row, "many_to_one", 100, "ptb"),
                mark,
                f"{source}, vectors of a larger corpus",
            )
            for name, row, mark, source in (
                ("Gaussian HMM", "Gaussian hidden Markov", 76.5, "Lin et al. 2015"),
                (
                    "Gaussian HMM, pretrained encoder",
                    "Gaussian hidden Markov, encoder",
                    76.5,
                    "Lin et al. 2015",
                ),
                ("Gaussian HMM behind a flow", "Gaussian hidden Markov, flow", 79.2, HE),
            )
        ),
        *(
            Claim(
                f"WSJ sample, dependencies of up to 10 words, {name}: directed accuracy, %",
                "induction_quality",
                Figure(row, "directed", 100, "ptb"),
                mark,
                source,
            )
            for name, row, mark, source in (
                ("DMV by EM", "valence, EM", 47.0, "published 43 to 47, all of WSJ10"),
                ("DMV by Viterbi EM", "valence, Viterbi EM", 47.0, "as above"),
                ("neural DMV", "valence of networks, EM", 51.0, "published 51 to 55, all of WSJ10"),
                ("DMV behind a flow, no gold tags", "valence of vectors, flow", 60.2, HE),
            )
        ),
        *(
            Claim(
                f"WSJ sample, {name}: F1 of brackets, any length, %",
                "induction_quality",
                Figure(row, "f1_any_length", 100, "ptb"),
                mark,
                "Kim et al. 2019, all of the WSJ",
            )
            for name, row, mark in (
                ("neural grammar of words", "neural grammar", 50.8),
                ("compound grammar of words", "compound grammar", 55.2),
            )
        ),
    ],
    "topics": [
        *(
            Claim(
                f"20 Newsgroups, {number} topics, no encoder: {score}",
                "topic_quality",
                Figure(f"20ng {rows} tfp_dgm topics seed .*", f"{score} shown"),
                mark,
                "BERTopic, Grootendorst 2022, mean of K = 10 to 50",
                digits=3,
            )
            for number, rows in (("10 to 50", "[0-9]+"), ("20", "20"))
            for score, mark in (("NPMI", 0.166), ("diversity", 0.851))
        ),
        *(
            Claim(
                f"{corpus}, 20 topics: perplexity by document completion",
                "topic_quality",
                Figure(f"{name} 20 tfp_dgm topics seed .*", "perplexity"),
                Figure(f"{name} 20 tomotopy LDA seed .*", "perplexity"),
                "tomotopy's LDA, the same run",
                lower=True,
                digits=0,
            )
            for corpus, name in (("20 Newsgroups", "20ng"), ("M10", "m10"), ("Reuters R8", "r8"))
        ),
        *(
            Claim(
                f"20 Newsgroups, 20 {kind}: {score} against the classes",
                "topic_quality",
                Figure(f"20ng 20 tfp_dgm {kind} seed .*", score),
                Figure("20ng 20 k-means on LSA seed .*", score),
                "k-means on LSA, the same run",
                digits=3,
            )
            for kind in ("topics", "clusters")
            for score in ("accuracy", "NMI")
        ),
        *(
            Claim(
                f"{corpus}, 20 clusters beside MiniLM: {score} against the classes",
                "topic_quality",
                Figure(f"{name} 20 tfp_dgm clusters, MiniLM seed .*", score),
                Figure(f"{name} 20 k-means on MiniLM seed .*", score),
                "k-means on MiniLM, the same run",
                digits=3,
            )
            for corpus, name in (("20 Newsgroups", "20ng"), ("M10", "m10"), ("Reuters R8", "r8"))
            for score in ("accuracy", "NMI")
        ),
    ],
    "speed": [
        Claim(
            f"Training a text VAE, {name}",
            "text_vae_speed",
            Figure(row, "ratio"),
            2.0,
            "asked, beside PyTorch",
            digits=2,
        )
        for name, row in (("float32", "tfp_dgm"), ("bfloat16", "tfp_dgm, bfloat16"))
    ]
    + [
        Claim(
            f"Training an IWAE, {samples} sample{'' if samples == 1 else 's'}",
            "iwae_speed",
            Figure(f"K = {samples}", "ratio"),
            1.5,
            "asked, beside PyTorch",
            digits=2,
        )
        for samples in (1, 5, 50)
    ]
    + [
        Claim(
            f"Log-partition and gradient, {row}",
            "structure_speed",
            Figure(re.escape(row), "ratio"),
            2.0,
            "asked, beside the best of torch-struct and pytorch-crf",
            digits=1,
        )
        for row in (
            "chain, shared, T = 40, K = 64",
            "dependency, T = 40",
            "dependency, crossing, T = 40",
            "constituency, T = 40, K = 20",
            "grammar, T = 20, K = 30, P = 60",
        )
    ]
    + [
        Claim(
            "Cost of 3 experts, exact marginal, for each of them",
            "captions_speed",
            Figure("training, exact marginal, K = 3", "cost_per_expert"),
            0.5,
            "asked, beside one expert",
            lower=True,
            digits=2,
        ),
        Claim(
            "Cost of 3 experts, hard EM, in all",
            "captions_speed",
            Figure("training, hard EM, K = 3", "cost"),
            1.3,
            "asked, beside one expert",
            lower=True,
            digits=2,
        ),
        Claim(
            "Cost of 3 experts, stochastic EM, for each of them",
            "captions_speed",
            Figure("training, stochastic EM, K = 3", "cost_per_expert"),
            0.5,
            "asked of the exact marginal",
            lower=True,
            digits=2,
        ),
        Claim(
            "`dgm predict`, 500,000 texts, two cores: rows a second",
            "prediction_speed",
            Figure("dgm predict, 500,000 texts, 2 cores", "rows_per_second"),
            20_000,
            "asked",
            digits=0,
        ),
        Claim(
            "The same, rows a CPU second, as a ratio",
            "prediction_speed",
            Figure("dgm predict, 500,000 texts, 2 cores", "ratio"),
            1.0,
            "scikit-learn's pipeline, the same run",
            digits=2,
        ),
    ],
}


def table(group: str) -> str:
    """The lines of a group, as Markdown."""
    head = ["", "mark", "ours", "runs", "", "results"]
    return marked_tables.markdown([head, *(claim.line() for claim in CLAIMS[group])])


def with_tables(page: str) -> str:
    """The text of the page, its tables of the results as they are."""
    return marked_tables.with_tables(page, "evidence", table)


if __name__ == "__main__":
    marked_tables.rewrite([PAGE], with_tables)
