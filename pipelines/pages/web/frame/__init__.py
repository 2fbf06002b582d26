"""What every page is made with: results of a request, templates, lists, charts, forms and writes."""
