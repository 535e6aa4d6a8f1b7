"""How a language writes numbers, where Django's own table does not serve."""
