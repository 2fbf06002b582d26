"""Result tables in, Vega-Lite out."""
