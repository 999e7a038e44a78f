"""The stretched and rectified Kumaraswamy distribution in float64: quadrature by SciPy."""

import math

import scipy.integrate
import scipy.special

LOW, HIGH = -0.1, 1.1
# k of x = 0 and of x = 1.
BEGIN, END = ((x - LOW) / (HIGH - LOW) for x in (0, 1))


def density(a, b, k):
    return a * b * k ** (a - 1) * (1 - k**a) ** (b - 1)


def atoms(a, b):
    """P(x = 0) and P(x = 1)."""
    return -math.expm1(b * math.log1p(-(BEGIN**a))), (1 - END**a) ** b


def log_prob(a, b, x):
    if x in (0, 1):
        return math.log(atoms(a, b)[int(x)])
    return math.log(density(a, b, (x - LOW) / (HIGH - LOW)) / (HIGH - LOW))


def expectation(a, b, function):
    """E[function(x)]: the atoms, and the rest by quadrature."""
    zero, one = atoms(a, b)

    def part(x):
        return density(a, b, (x - LOW) / (HIGH - LOW)) / (HIGH - LOW) * function(x)

    inside, _ = scipy.integrate.quad(part, 0, 1, limit=400, epsabs=1e-11)
    return zero * function(0) + one * function(1) + inside


def kl(first, second):
    return expectation(*first, lambda x: log_prob(*first, x) - log_prob(*second, x))


def mean_by_beta_functions(a, b):
    """E[x] by the incomplete moments of k: E[k; k < c] = b B(c^a; 1 + 1/a, b)."""

    def moment(c):
        return b * scipy.special.beta(1 + 1 / a, b) * scipy.special.betainc(1 + 1 / a, b, c**a)

    zero, one = atoms(a, b)
    return one + LOW * (1 - zero - one) + (HIGH - LOW) * (moment(END) - moment(BEGIN))
