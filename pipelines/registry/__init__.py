"""Models in MLflow's registry: without what they learnt from, checked before they are used, with every decision."""
