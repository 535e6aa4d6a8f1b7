"""Numbers in Chinese. Exact ones stand in groups of three, as the national standard for figures (GB/T 15835) has them."""

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
