"""Who may come in, and what is opened to them."""
