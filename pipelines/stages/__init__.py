"""check, history, forecast, staff, train, risk, watch: a project in, tables and findings out."""
