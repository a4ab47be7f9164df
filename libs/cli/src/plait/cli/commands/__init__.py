"""Commands with their parameters as the terminal takes them; loaded when they are called."""
