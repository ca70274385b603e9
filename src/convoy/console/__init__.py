"""The operator's page: a component that serves it, and what the page and the component say to each other."""
