"""The probability models that compete: base rate, rules, logistic, hazard, their mean.

A new one: a file here, a line in risk/breach_candidates.py.
"""
