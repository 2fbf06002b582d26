"""What each KPI means (catalogue.py), how it is counted (formulas.py), and its history.

A new KPI: one function and two lines.
"""
