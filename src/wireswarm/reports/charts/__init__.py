"""Charts as SVG that stands in a page: pure functions, no script, coloured by the page's style sheet."""
