"""What changed and when: evidence, false alarms, incidents, and their ledger."""
