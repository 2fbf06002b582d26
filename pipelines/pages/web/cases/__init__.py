"""Today, the list of cases and the page of a case."""
