"""A made-up desk with a known truth, for the demo and the tests."""
