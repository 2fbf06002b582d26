"""The recommended forecast: methods chosen, combined and given intervals on past origins."""
