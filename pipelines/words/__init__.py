"""Tables, numbers and findings as people read them."""
