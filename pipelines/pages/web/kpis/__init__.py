"""KPIs by week and segment, and KPI alerts."""
