"""The report and the web page. A new page: web.py and a template."""
