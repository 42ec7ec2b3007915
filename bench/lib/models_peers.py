# SPDX-License-Identifier: MIT
# models_peers.py WHAT ARGUMENT: the peer's side of models_peers.sh, in microseconds of processor time;
# "check" says what is missing. One thread, medians.
import os
import sys

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import statistics
import time

DIMS = 128


def median_us(run, calls, rounds=11):
    each = []
    for _ in range(rounds):
        started = time.thread_time()
        for _ in range(calls):
            run()
        each.append((time.thread_time() - started) / calls * 1e6)
    return statistics.median(each)


def step(dims):
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(1)
    wide, narrow = 24, 8
    model = torch.nn.Sequential(
        torch.nn.Linear(dims, wide),
        torch.nn.LeakyReLU(0.1),
        torch.nn.Linear(wide, narrow),
        torch.nn.Linear(narrow, wide),
        torch.nn.LeakyReLU(0.1),
        torch.nn.Linear(wide, dims),
    )
    rows = torch.randn(32, dims)
    loss = torch.nn.MSELoss()
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)

    def run():
        adam.zero_grad(set_to_none=True)
        loss(model(rows), rows).backward()
        adam.step()

    for _ in range(100):
        run()
    return median_us(run, 100)


def windows(path):
    import numpy

    return numpy.fromfile(path).reshape(-1, DIMS)


# Covariance of all windows at once, and its inverse.
def fit(path):
    from sklearn.covariance import EmpiricalCovariance

    x = windows(path)
    return median_us(lambda: EmpiricalCovariance().fit(x), 1) / len(x)


# All windows in one call.
def score_batch(path):
    from sklearn.covariance import EmpiricalCovariance

    x = windows(path)
    model = EmpiricalCovariance().fit(x)
    return median_us(lambda: model.mahalanobis(x), 1) / len(x)


# One window a call, as they come.
def score_one(path):
    from sklearn.covariance import EmpiricalCovariance

    x = windows(path)
    model = EmpiricalCovariance().fit(x)
    return median_us(lambda: [model.mahalanobis(x[i : i + 1]) for i in range(100)], 1) / 100


# One window more: there is no other way than all of them again.
def fit_one(path):
    from sklearn.covariance import EmpiricalCovariance

    x = windows(path)
    return median_us(lambda: EmpiricalCovariance().fit(x), 1)


def check(package):
    __import__(package)
    return 0


what, argument = sys.argv[1:3]
table = {
    "step": lambda: step(int(argument)),
    "fit": lambda: fit(argument),
    "fit_one": lambda: fit_one(argument),
    "score_batch": lambda: score_batch(argument),
    "score_one": lambda: score_one(argument),
    "check": lambda: check(argument),
}
print("%.4f" % table[what]())
